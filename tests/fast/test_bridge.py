"""In which thread Django is called, and that the event loop is the same before and after."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import HttpResponse
from pytest_django import Settings

from accounts.models import Organization
from config.bridge import Bridge
from tests.fast.ways import database_free
from tests.processes import finished, start

Headers = list[tuple[str, str]]


class Sent:
    """The side of a connection on which the server answers; keeps what was answered."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Headers, bytes]] = []

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        self.answers.append((status, headers, body))


class Application:
    """A WSGI application that carries something out and notes where it was called."""

    def __init__(self, work: Callable[[], str]) -> None:
        self._work = work
        self.threads: list[str] = []
        self.has_loop: list[bool] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> HttpResponse:
        self.threads.append(threading.current_thread().name)
        self.has_loop.append(_is_in_loop())
        body = self._work()
        start_response("200 OK", [("content-type", "text/plain")])
        return HttpResponse(body)


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def call(application: Application, times: int = 1) -> list[tuple[int, Headers, bytes]]:
    """Have the bridge answer requests in an event loop of its own; the loop must be left as it was found."""
    sent = Sent()

    async def answer() -> None:
        loop = asyncio.get_running_loop()
        bridge = Bridge(application)
        bridge.__rsgi_init__(loop)
        try:
            for _ in range(times):
                await bridge._answer({}, sent, "127.0.0.1:1")
        finally:
            assert asyncio.get_running_loop() is loop
            await asyncio.sleep(0)
            if bridge._threads is not None:
                bridge._threads.shutdown()

    asyncio.run(answer())
    return sent.answers


@pytest.fixture(autouse=True)
def _kept_connection() -> Iterator[None]:
    """The end of a request would close the connection on which the test's transaction is open."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


@pytest.fixture
def one_thread(settings: Settings) -> None:
    settings.SERVER_THREADS = 1


@pytest.fixture
def four_threads(settings: Settings) -> None:
    settings.SERVER_THREADS = 4


def count() -> str:
    return str(Organization.objects.count())


def fail() -> str:
    raise ArithmeticError("on purpose")


def test_one_thread_is_that_of_the_loop(one_thread: None, organization: Organization) -> None:
    application = Application(count)

    answers = call(application, times=3)

    assert answers == [(200, [("content-type", "text/plain")], b"1")] * 3
    assert application.threads == [threading.current_thread().name] * 3
    assert application.has_loop == [False] * 3


def test_the_database_is_refused_to_what_runs_in_a_loop(organization: Organization) -> None:
    async def ask() -> str:
        return count()

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(ask())


def test_the_loop_goes_on_when_django_raises(one_thread: None) -> None:
    application = Application(fail)

    with pytest.raises(ArithmeticError, match="on purpose"):
        call(application)

    assert application.has_loop == [False]
    assert _is_in_loop() is False


@database_free
def test_several_threads_are_others_than_the_loops(four_threads: None) -> None:
    application = Application(lambda: "done")

    answers = call(application, times=3)

    assert [body for _status, _headers, body in answers] == [b"done"] * 3
    assert {name.partition("_")[0] for name in application.threads} == {"django"}
    assert application.has_loop == [False] * 3


@database_free
def test_the_loop_goes_on_when_django_raises_in_another_thread(four_threads: None) -> None:
    with pytest.raises(ArithmeticError, match="on purpose"):
        call(Application(fail))


@database_free
def test_several_threads_answer_at_once(four_threads: None) -> None:
    """Each waits for the other three: fewer would never end."""
    meeting = threading.Barrier(4)
    sent = Sent()

    def meet() -> str:
        return str(meeting.wait(timeout=10) >= 0)

    async def answer() -> None:
        bridge = Bridge(Application(meet))
        bridge.__rsgi_init__(asyncio.get_running_loop())
        await asyncio.gather(*(bridge._answer({}, sent, "127.0.0.1:1") for _ in range(4)))
        assert bridge._threads is not None
        bridge._threads.shutdown()

    asyncio.run(answer())

    assert [body for _status, _headers, body in sent.answers] == [b"True"] * 4


SERVED = """
from config import startup
startup.refuse_unsafe_start = lambda: None
from config import rsgi, wsgi
from core.lanes import LanesMixin
print(isinstance(wsgi.application, LanesMixin), rsgi.application._application is wsgi.application)
"""


@database_free
def test_what_is_served_has_the_short_way_for_programs() -> None:
    run = finished(start("-c", SERVED, env={"DEBUG": "true"}))

    assert run.returncode == 0, run.stderr
    assert run.stdout == "True True\n"
