"""Opens the reading of a safe request, and tells after a write how far a reader must be to see it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from core import problems
from core.replicas.fleet import fleet
from core.replicas.positions import Position, parse_position, primary_position
from core.replicas.routing import reading

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
WRITTEN_AT = "Parley-Written-At"
READ_AFTER = "Parley-Read-After"
COOKIE = "parley_written_at"
COOKIE_SECONDS = 600


def choose_database(wanted: Position | None) -> str:
    """The alias of the database to read from: one that shows what the caller wants to see, or the settings promise."""
    if wanted is None and settings.REPLICA_READS == "any":
        return fleet().recent()
    if wanted is None:
        return fleet().showing(primary_position())
    return fleet().showing(wanted, is_told_by_primary=False)


class ReplicaMiddleware:
    """The innermost of all: where a replica fails in the middle of a request, the request is made again without it."""

    def __init__(
        self,
        get_response: Callable[[HttpRequest], HttpResponse],
        choose: Callable[[Position | None], str] = choose_database,
    ) -> None:
        self.get_response = get_response
        self._choose = choose

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in SAFE_METHODS:
            return _with_position(request, self.get_response(request))
        try:
            wanted = _wanted(request)
        except ValueError:
            return _malformed()
        with reading(partial(self._choose, wanted)) as current:
            response = self.get_response(request)
            if response.status_code == 503 and current.replica is not None:
                fleet().failed(current.replica)
                current.pin()
                response = self.get_response(request)
        return response


def _wanted(request: HttpRequest) -> Position | None:
    """How far the caller wants to see; None when that is left to us. Raises ValueError.

    A browser's own last write is enough for it only where reads may be stale anyway.
    """
    text = request.headers.get(READ_AFTER)
    if text is not None:
        return parse_position(text)
    if settings.REPLICA_READS == "any":
        with suppress(ValueError):
            return parse_position(request.COOKIES.get(COOKIE, ""))
    return None


def _with_position(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if response.status_code >= 400:
        return response
    try:
        position = str(primary_position())
    except DatabaseError:
        # The write is done and acknowledged all the same.
        return response
    response[WRITTEN_AT] = position
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        response.set_cookie(
            COOKIE,
            position,
            max_age=COOKIE_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def _malformed() -> HttpResponse:
    return problems.problem_response(
        problems.problem(
            status=400,
            code="malformed_position",
            title="The position cannot be read.",
            detail=f"{READ_AFTER} takes what an answer told in {WRITTEN_AT}.",
        )
    )
