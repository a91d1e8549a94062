"""Sets of threads, messages and feedback."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Self, cast
from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q

from conversations.branches import Segment
from core.querysets import TenantQuerySet, TrashableQuerySet

if TYPE_CHECKING:
    from conversations.models import Feedback, Message, Thread, Tombstone  # noqa: F401  quoted below

RUNS_AT_ONCE = 100


class ThreadQuerySet(TrashableQuerySet["Thread"]):
    domain_path = "domain_id"

    def in_recent_order(self) -> Self:
        return self.order_by("-updated_at", "-id")

    def get_by_natural_key(self, organization: str, external_id: str) -> Thread:
        return self.get(organization__slug=organization, external_id=external_id)


class MessageQuerySet(TrashableQuerySet["Message"]):
    domain_path = "thread__domain_id"

    def of_thread(self, thread: Thread) -> Self:
        return self.filter(organization_id=thread.organization_id, thread_id=thread.pk)

    def in_order(self) -> Self:
        return self.order_by("position")

    def on_path(self, path: Sequence[Segment] | None) -> Self:
        """Messages whose positions lie in one of the runs; None stands for the whole thread."""
        if path is None:
            return self
        runs = [
            Q(position__gte=start) if end is None else Q(position__gte=start, position__lte=end) for start, end in path
        ]
        return self.filter(_any_of([_any_of(runs[at : at + RUNS_AT_ONCE]) for at in range(0, len(runs), RUNS_AT_ONCE)]))

    def jumps(self) -> Self:
        """Messages with an explicit parent."""
        return self.filter(parent_position__isnull=False)

    def in_active_threads(self) -> Self:
        return self.active().filter(thread__trashed_at=None)

    def get_by_natural_key(self, organization: str, thread: str, position: int) -> Message:
        return self.get(organization__slug=organization, thread__external_id=thread, position=position)


class FeedbackQuerySet(TrashableQuerySet["Feedback"]):
    domain_path = "message__thread__domain_id"

    def of_message(self, message_id: UUID) -> Self:
        return self.filter(message_id=message_id)

    def on_active_messages(self) -> Self:
        """Feedback, in the trash or not, on messages that are not.

        Asked row by row: joined, the messages would tempt SQLite to begin with them, and to sort what it finds.
        """
        model = self.model._meta.get_field("message").related_model
        messages = cast("MessageQuerySet", model._default_manager.all())
        own = messages.filter(pk=OuterRef("message_id"), organization_id=OuterRef("organization_id"))
        return self.filter(Exists(own.in_active_threads()))


def _any_of(conditions: Sequence[Q]) -> Q:
    """One condition in parentheses of its own: SQLite takes no chain of a thousand."""
    return Q(ExpressionWrapper(reduce(or_, conditions), output_field=BooleanField()))


class TombstoneQuerySet(TenantQuerySet["Tombstone"]):
    pass
