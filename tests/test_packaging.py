"""The files around the code say what the code does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import ROOT

READERS = {"text", "boolean", "integer", "words"}
VARIABLE = re.compile(r"#([A-Z][A-Z0-9_]*)=(.*)")


def calls_of_readers() -> Iterator[tuple[str, list[ast.expr]]]:
    """Every variable that the settings read, with its default where the reader names one."""
    for name in ("settings.py", "database.py"):
        for node in ast.walk(ast.parse((ROOT / "config" / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and is_reader(node.func):
                defaults = [word.value for word in node.keywords if word.arg == "default"]
                yield ast.literal_eval(node.args[0]), [*node.args[1:], *defaults]


def is_reader(function: ast.expr) -> bool:
    """Whether it is `env.text`, `ENV.integer` and so on."""
    return (
        isinstance(function, ast.Attribute)
        and function.attr in READERS
        and ast.unparse(function.value).lower() == "env"
    )


def as_written(default: object) -> str:
    """A default in the form that an environment variable has."""
    if isinstance(default, tuple):
        return ",".join(default)
    return str(default).lower() if isinstance(default, bool) else str(default)


def constant_defaults() -> dict[str, str]:
    """The defaults that do not depend on other variables; nothing is the empty text."""
    found: dict[str, str] = {}
    for name, arguments in calls_of_readers():
        try:
            found[name] = as_written(ast.literal_eval(arguments[0])) if arguments else ""
        except ValueError:
            continue
    return found


def example_lines() -> list[str]:
    return (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()


def example() -> dict[str, str]:
    return {match[1]: match[2] for line in example_lines() if (match := VARIABLE.fullmatch(line))}


def test_env_example_holds_exactly_the_variables_that_are_read() -> None:
    assert sorted(example()) == sorted({name for name, _default in calls_of_readers()})


def test_env_example_holds_the_defaults() -> None:
    constants = constant_defaults()
    assert {name: example()[name] for name in constants} == constants
    assert len(constants) > 15


def test_env_example_explains_every_variable_and_sets_none() -> None:
    lines = example_lines()
    pairs = pairwise(lines)
    unexplained = [line for before, line in pairs if VARIABLE.fullmatch(line) and not before.startswith("#")]
    assert unexplained == []
    assert [line for line in lines if line and not line.startswith("#")] == []


@pytest.mark.parametrize(
    ("name", "fewest"), [("requirements.txt", 20), ("requirements-dev.txt", 20), ("requirements-bench.txt", 15)]
)
def test_every_requirement_is_pinned_with_hashes(name: str, fewest: int) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line.strip()]
    form = re.compile(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[^ ]+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+\s*")
    assert [entry for entry in entries if not form.fullmatch(entry)] == []
    assert len(entries) > fewest


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    shipped, tested = (pins(name) for name in ("requirements.txt", "requirements-dev.txt"))
    assert shipped - tested == set()


@pytest.mark.parametrize("name", ["requirements", "requirements-dev", "requirements-bench"])
def test_every_named_requirement_is_locked(name: str) -> None:
    named = re.findall(r"^[a-z][a-z0-9-]*", (ROOT / f"{name}.in").read_text(encoding="utf-8"), re.MULTILINE)
    locked = {pin.split("==")[0] for pin in pins(f"{name}.txt")}
    assert [requirement for requirement in named if requirement not in locked] == []
    assert named != []


def pins(name: str) -> set[str]:
    return set(re.findall(r"^[a-z0-9-]+==[^ ]+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_compose_starts_parley_alone_unless_asked_for_postgresql(compose: dict[str, Any]) -> None:
    profiles = {name: service.get("profiles", []) for name, service in compose["services"].items()}
    assert profiles == {"parley": [], "parley-postgres": ["postgres"], "postgres": ["postgres"]}


def test_compose_waits_until_postgresql_is_healthy(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["parley-postgres"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["postgres"]["healthcheck"]["test"][1] == "pg_isready"


def test_compose_keeps_data_in_volumes_and_ports_on_this_machine(compose: dict[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service.get("volumes", [])]
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert sorted(mount.split(":")[0] for mount in mounts) == sorted(compose["volumes"])
    assert {port.split(":")[0] for port in ports} == {"127.0.0.1"}


def test_compose_sets_variables_that_are_read(compose: dict[str, Any]) -> None:
    read = {name for name, _default in calls_of_readers()}
    for name in ("parley", "parley-postgres"):
        assert set(compose["services"][name]["environment"]) - read <= {"PGPASSWORD"}


def test_image_runs_the_server_as_an_ordinary_user() -> None:
    steps = dockerfile()
    assert [rest for word, rest in steps if word == "USER"] == ["parley"]
    assert [rest for word, rest in steps if word == "VOLUME"] == ["/data"]
    assert [rest for word, rest in steps if word in ("ENTRYPOINT", "CMD")] == ['["python", "manage.py"]', '["serve"]']


def test_image_sets_variables_that_are_read_and_no_secret() -> None:
    [_of_the_build, variables] = [
        dict(pair.split("=", 1) for pair in rest.split()) for word, rest in dockerfile() if word == "ENV"
    ]
    read = {name for name, _default in calls_of_readers()}
    assert set(variables) - {"PATH", "PYTHONUNBUFFERED"} <= read
    assert "SECRET_KEY" not in (ROOT / "Dockerfile").read_text(encoding="utf-8").split("FROM", 1)[1]


def test_image_checks_its_health_by_a_module_that_is_there() -> None:
    [check] = [rest for word, rest in dockerfile() if word == "HEALTHCHECK"]
    assert check.endswith('CMD ["python", "-m", "config.healthcheck"]')
    assert (ROOT / "config" / "healthcheck.py").is_file()


def dockerfile() -> list[tuple[str, str]]:
    """The instructions with what follows them, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    steps = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (step.partition(" ") for step in steps)]


def test_what_is_secret_or_local_stays_out_of_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".*", "var", "**/*.sqlite3*", "tests"} <= set(ignored)
    assert [line for line in ignored if line.startswith("!")] == []


def test_what_make_makes_is_not_committed() -> None:
    ignored = set((ROOT / ".gitignore").read_text(encoding="utf-8").split())
    assert {".venv/", "var/", ".env", "staticfiles/"} <= ignored


def test_ci_runs_the_tests_of_the_makefile() -> None:
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert script.stat().st_mode & 0o111 == 0o111
    assert text.startswith("#!/usr/bin/env bash\n")
    assert text.rstrip().endswith("make test")


def test_public_files_are_there() -> None:
    names = ("LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
    assert [name for name in names if not Path(ROOT, name).is_file()] == []
