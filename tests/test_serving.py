"""`manage.py serve` as a deployment runs it: production settings, signals, and what keeps it from starting."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.test import Client
from pytest_django import Settings

from config.management.commands.serve import refuse_taken_address
from config.server import SECONDS_TO_FINISH
from tests.installation import Installation, Serving
from tests.processes import free_port
from tests.test_env import production

STOPS_WITHIN_SECONDS = SECONDS_TO_FINISH / 2
"""Sooner than granian kills a worker that does not stop: what ends by then ended by itself.

The log cannot tell: granian calls a worker killed when two of its threads wait for one that has just ended.
"""
Stop = Callable[[Serving], float]
HOST = {"Host": "parley.example.org", "X-Forwarded-Proto": "https"}


@pytest.fixture
def installation(tmp_path: Path, fresh_database: str) -> Installation:
    deployment = {"DATABASE_URL": fresh_database, "BEHIND_PROXY": "true", "MIGRATE_ON_START": "true"}
    return Installation(tmp_path, production(**deployment))


@pytest.fixture
def development(tmp_path: Path) -> Installation:
    return Installation(tmp_path, {"DEBUG": "true", "DATABASE_URL": f"sqlite:///{tmp_path}/parley.sqlite3"})


@pytest.fixture
def served(installation: Installation) -> Iterator[Serving]:
    """The deployment, started once over a database that holds nothing yet."""
    installation.run(installation.manage("collectstatic", "--no-input"))
    with installation.serve(installation.manage("serve")) as serving:
        serving.wait_until_ready()
        yield serving


@pytest.mark.slow
def test_serve_migrates_and_answers_with_static_files(installation: Installation, served: Serving) -> None:
    _status, page = get(served, "/admin/login/")
    stylesheets = sorted(set(re.findall(r"/static/[^\"]+css", page)))
    healthy = installation.run([installation.manage()[0], "-m", "config.healthcheck"])

    assert [get(served, path)[0] for path in stylesheets] == [200] * len(stylesheets)
    assert [path for path in stylesheets if re.fullmatch(r"/static/admin/css/base\.\w{12}\.css", path)] != []
    assert served.terminate() < STOPS_WITHIN_SECONDS
    unhealthy = installation.run([installation.manage()[0], "-m", "config.healthcheck"])
    assert (healthy.returncode, served.process.returncode, unhealthy.returncode) == (0, 0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [Serving.press_ctrl_c, Serving.terminate])
def test_serve_stops_at_once_while_its_workers_load(development: Installation, stop: Stop) -> None:
    with development.serve(development.manage("serve")) as serving:
        serving.wait_for_output("Spawning worker-1")
        assert stop(serving) < STOPS_WITHIN_SECONDS
    assert serving.process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("stop", [Serving.press_ctrl_c, Serving.terminate])
def test_serve_stops_at_once_while_its_workers_work(development: Installation, stop: Stop) -> None:
    development.run(development.manage("migrate"))
    with development.serve(development.manage("serve")) as serving:
        serving.wait_for_output("Started worker-1")
        serving.wait_for_output("Started worker-2")
        serving.wait_until_ready()
        assert stop(serving) < STOPS_WITHIN_SECONDS
    assert serving.process.returncode == 0


@pytest.mark.slow
def test_serve_wants_static_files_in_production(installation: Installation) -> None:
    run = installation.run(installation.manage("serve"))
    assert run.returncode == 1
    assert run.stderr == (
        "CommandError: The static files are not collected. Run manage.py collectstatic, or set DEBUG=true.\n"
    )


def test_taken_address_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        port = owner.getsockname()[1]
        with pytest.raises(CommandError) as refusal:
            refuse_taken_address("127.0.0.1", port)
    hint = f"Stop what listens there, or choose another port: PORT={port + 1}."
    assert str(refusal.value) == f"Cannot listen at 127.0.0.1:{port}: Address already in use. {hint}"


def test_unknown_address_is_refused() -> None:
    with pytest.raises(CommandError, match=r"^Cannot listen at no-such-host\.invalid:8000: "):
        refuse_taken_address("no-such-host.invalid", 8000)


def test_free_address_is_left_free() -> None:
    port = free_port()
    refuse_taken_address("127.0.0.1", port)
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.parametrize("path", ["/healthz", "/healthz/", "/readyz", "/readyz/"])
@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7:8000", "parley.example.org"])
def test_probes_answer_by_address_and_without_https(db: None, settings: Settings, path: str, host: str) -> None:
    settings.ALLOWED_HOSTS = ["parley.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    response = Client().get(path, headers={"host": host})
    assert (response.status_code, response.json()["status"]) == (200, "ok")


def test_pages_answer_to_named_hosts_alone(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["parley.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    by_name = Client().get("/admin/login/", headers={"host": "parley.example.org"})
    by_address = Client().get("/admin/login/", headers={"host": "10.0.0.7"})
    assert (by_name.status_code, by_name["Location"]) == (301, "https://parley.example.org/admin/login/")
    assert by_address.status_code == 400


def get(serving: Serving, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", serving.port, timeout=10)
    try:
        connection.request("GET", path, headers=HOST)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()
