"""What was said, and who may read it in the admin: the one place where that is decided.

Members read as far as their role allows (`message.read`). Platform administrators see that threads and messages are
there; what was said they read where the organization leaves it open, and in threads that they revealed a moment ago.
Every row of these lists and pages passes through `ContentAccess.judged`: what may not be read is gone from it before
any page holds it. The transcript asks for a permit besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, cast
from uuid import UUID

from django.db.models import BooleanField, Case, Model, Q, QuerySet, Value, When
from django.db.models.query import ModelIterable
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Organization
from conversations.models import Feedback, Message, Thread
from conversations.transcript import ReadingPermit
from core.admin import scope_of
from core.grants import AdminScope

SESSION_KEY = "revealed_threads"
"""Thread ids that the session's person revealed, and until when, as ISO 8601."""

READS = "message.read"
READS_FEEDBACK = "feedback.read"

THREAD_PATHS: dict[type[Model], str] = {Thread: "pk", Message: "thread_id", Feedback: "message__thread_id"}

EMPTIED: dict[type[Model], dict[str, Any]] = {
    Thread: {"title": None, "metadata": None, "external_id": None},
    Message: dict.fromkeys(("content", "beginning", "parts", "artifact_data", "metadata", "usage", "external_id")),
    Feedback: {"comment": "", "beginning": "", "payload": None},
}
"""What is taken out of rows that may not be read, and what stands in its place. Such rows are never saved."""


@dataclass(frozen=True, slots=True)
class ContentAccess:
    """What somebody may read: within a scope, and in the threads revealed to them until some time."""

    scope: AdminScope
    revealed: Mapping[UUID, datetime]

    @classmethod
    def of(cls, request: HttpRequest, *, now: datetime | None = None) -> Self:
        """Return the access of the person who is logged in."""
        scope = scope_of(request)
        kept = request.session.get(SESSION_KEY, {}) if scope.is_unlimited else {}
        return cls(scope, _running(kept, now or timezone.now()))

    def judged(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return rows of which each knows as `is_readable` whether it may be read; the others are emptied."""
        yes, no = (Value(known, BooleanField()) for known in (True, False))
        told = Case(When(self.condition(rows), then=yes), default=no)
        judged: Any = rows.annotate(is_readable=told)
        judged._iterable_class = _EmptiedRows
        return cast("QuerySet[Any]", judged)

    def condition(self, rows: QuerySet[Any]) -> Q:
        """The condition of the rows that may be read."""
        granted = self.scope.granted_rows(rows, READS)
        if not self.scope.is_unlimited:
            return granted
        path = THREAD_PATHS[rows.model]
        is_open = Q(organization__content_access=Organization.ContentAccess.OPEN)
        is_revealed = Q(organization__content_access=Organization.ContentAccess.REVEALED)
        return granted | is_open | (is_revealed & Q(**{f"{path}__in": list(self.revealed)}))

    def permit(self, row: Any) -> ReadingPermit | None:
        """Return leave to read the thread of a row that was judged, None where it may not be read."""
        if not is_readable(row):
            return None
        organization_id = row.organization_id
        return ReadingPermit(
            organization_id=organization_id,
            thread_id=thread_id_of(row),
            includes_feedback=self.scope.can(READS_FEEDBACK, organization_id),
            until=self.revealed_until(row),
        )

    def revealed_until(self, row: Any) -> datetime | None:
        """When a row is hidden again that may be read because its thread was revealed."""
        is_revealed = row.organization.content_access == Organization.ContentAccess.REVEALED
        return self.revealed.get(thread_id_of(row)) if is_revealed else None


def is_readable(row: Any) -> bool:
    """Whether a row may be read; one that was not judged may not."""
    return getattr(row, "is_readable", False) is True


def remember_reveal(request: HttpRequest, thread_id: UUID, until: datetime, *, now: datetime | None = None) -> None:
    """Keep in the session, and nowhere else, that a thread is revealed; what has run out is dropped."""
    running = _running(request.session.get(SESSION_KEY, {}), now or timezone.now()) | {thread_id: until}
    request.session[SESSION_KEY] = {str(each): moment.isoformat() for each, moment in running.items()}


def _running(kept: Mapping[str, str], now: datetime) -> dict[UUID, datetime]:
    found = {UUID(thread_id): datetime.fromisoformat(moment) for thread_id, moment in kept.items()}
    return {thread_id: moment for thread_id, moment in found.items() if moment > now}


def thread_id_of(row: Any) -> UUID:
    """Return the id of the thread that a thread, a message or feedback belongs to."""
    known: Any = row
    if isinstance(row, Feedback):
        known = row.message
    return cast("UUID", known.pk if isinstance(known, Thread) else known.thread_id)


class _EmptiedRows(ModelIterable):  # type: ignore[type-arg]  # generic only for the type checker
    """Rows as models, emptied where they may not be read, with the rows they hold."""

    def __iter__(self) -> Iterator[Any]:
        for row in super().__iter__():
            if not is_readable(row):
                _empty(row)
            yield row


def _empty(row: Any) -> None:
    for name, nothing in EMPTIED[type(row)].items():
        # Also of a column that was not read: it can no longer be read later.
        row.__dict__[name] = nothing
    for name in ("thread", "message"):
        related = row._state.fields_cache.get(name)
        if related is not None:
            _empty(related)
