"""`make run` in a copy of the project: the first start, the second, and what stands in its way."""

from __future__ import annotations

import json
import re
import stat
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest

from tests.installation import Installation, Serving

pytestmark = pytest.mark.slow

STOPS_WITHIN_SECONDS = 10
PASSWORD = re.compile(r"^  Password      (\S{20})$", re.MULTILINE)
API_KEY = re.compile(r"^  API key       (parley_\S+)$", re.MULTILINE)


@pytest.fixture
def installation(tmp_path: Path, fresh_database: str) -> Installation:
    return Installation(tmp_path, {"DATABASE_URL": fresh_database, "DEBUG": "true", "SECRET_KEY": ""})


def test_run_prints_secrets_once_and_keeps_what_was_written(installation: Installation) -> None:
    with installation.serve(installation.make("run")) as first:
        first.wait_until_ready()
        [password], [key] = PASSWORD.findall(first.output()), API_KEY.findall(first.output())
        assert page_after_log_in(first, password) == f"{first.address}/admin/"
        assert status(f"{first.address}/static/admin/css/base.css") == 200
        thread, position = append_to_newest_thread(first, key)
        assert first.press_ctrl_c() < STOPS_WITHIN_SECONDS
    rows = json.loads(installation.run(installation.manage("dumpdata")).stdout)

    with installation.serve(installation.make("run")) as second:
        second.wait_until_ready()
        assert json.loads(installation.run(installation.manage("dumpdata")).stdout) == rows
        assert append_to_newest_thread(second, key) == (thread, position + 1)
        assert second.press_ctrl_c() < STOPS_WITHIN_SECONDS
    assert len([row for row in rows if row["model"] == "conversations.thread"]) > 1
    assert (PASSWORD.findall(second.output()), API_KEY.findall(second.output())) == ([], [])
    assert "manage.py changepassword admin" in second.output()


def test_run_makes_a_secret_key_that_every_command_uses(installation: Installation) -> None:
    in_production = {"DEBUG": "false"}
    before = installation.run(installation.manage("check"), **in_production)
    made = installation.run(installation.make("var/secret_key"))
    after = installation.run(installation.manage("check"), **in_production)

    file = installation.root / "var" / "secret_key"
    assert (before.returncode, made.returncode, after.returncode) == (1, 0, 0)
    assert "config.E001" in before.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text().strip()) > 50
    assert [path.name for path in file.parent.iterdir()] == ["secret_key"]


def test_run_keeps_the_secret_key(installation: Installation) -> None:
    installation.run(installation.make("var/secret_key"))
    key = (installation.root / "var" / "secret_key").read_text()
    installation.run(installation.make("var/secret_key"))
    assert (installation.root / "var" / "secret_key").read_text() == key


def test_an_old_python_is_refused_by_name(installation: Installation, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    run = installation.run(["make", f"VENV={tmp_path}/venv", f"PYTHON={old}", "run"])
    assert run.returncode == 2
    assert run.stdout.strip() == (
        f"Parley needs Python 3.11 or newer, {old} is Python 3.9.2. Name another one: make PYTHON=python3.12 ..."
    )
    assert not (tmp_path / "venv").exists()


def test_a_missing_python_is_told(installation: Installation, tmp_path: Path) -> None:
    run = installation.run(["make", f"VENV={tmp_path}/venv", "PYTHON=no-such-python", "run"])
    assert run.returncode == 2
    assert run.stdout.strip() == "no-such-python is not there; Parley needs Python 3.11 or newer."


def page_after_log_in(serving: Serving, password: str) -> str:
    cookies = CookieJar()
    browser = build_opener(HTTPCookieProcessor(cookies))
    with browser.open(f"{serving.address}/admin/login/?next=/admin/") as page:
        page.read()
    token = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
    form = {"username": "admin", "password": password, "csrfmiddlewaretoken": token, "next": "/admin/"}
    with browser.open(f"{serving.address}/admin/login/", urlencode(form).encode()) as page:
        address: str = page.url
        return address


def append_to_newest_thread(serving: Serving, key: str) -> tuple[str, int]:
    """Return the thread and the position that the message got in it."""
    thread = call(serving, key, "/api/threads?limit=1")["results"][0]["id"]
    message = call(serving, key, f"/api/threads/{thread}/messages", {"role": "user", "content": "one more"})
    return thread, message["position"]


def call(serving: Serving, key: str, path: str, body: object = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(serving.address + path, data=data, headers=headers)) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def status(address: str) -> int:
    with urlopen(address) as response:
        found: int = response.status
        return found
