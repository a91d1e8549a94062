"""What a deployment is checked for before it answers its first request."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from tests.processes import finished, manage, start
from tests.test_env import STRONG_SECRET, production

CLEAN = "System check identified no issues (0 silenced).\n"


@pytest.mark.parametrize("module", ["config.wsgi", "config.asgi"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"SECRET_KEY": settings.DEVELOPMENT_SECRET_KEY}, "config.E001"),
        ({"SERVER_WORKERS": "many"}, "config.E002"),
    ],
)
def test_application_refuses_to_load(module: str, values: dict[str, str], expected: str) -> None:
    run = finished(start("-c", f"import {module}", env=production(**values)))
    assert run.returncode == 1
    assert "ImproperlyConfigured: Parley does not start:" in run.stderr
    assert f"({expected})" in run.stderr


@pytest.mark.parametrize("module", ["config.wsgi", "config.asgi"])
def test_application_loads_in_production(module: str) -> None:
    assert finished(start("-c", f"import {module}", env=production())).returncode == 0


def test_secrets_may_lie_in_files(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text(f"{STRONG_SECRET}\n")
    (tmp_path / "peppers").write_text("a" * 32 + ",\n" + "b" * 32)
    files = {"SECRET_KEY_FILE": str(tmp_path / "secret_key"), "API_KEY_PEPPERS_FILE": str(tmp_path / "peppers")}
    run = manage("check", "--deploy", "--fail-level", "WARNING", env=production(SECRET_KEY="", **files))
    assert (run.returncode, run.stdout, run.stderr) == (0, CLEAN, "")


def test_server_does_not_start_with_the_development_key() -> None:
    run = manage("serve", env=production(SECRET_KEY=settings.DEVELOPMENT_SECRET_KEY))
    assert (run.returncode, run.stdout) == (1, "")
    assert "(config.E001) DEBUG is off and SECRET_KEY is the development key." in run.stderr
