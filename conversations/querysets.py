"""Sets of threads, messages and feedback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db.models import Q

from conversations.branches import Segment
from core.querysets import TenantQuerySet, TrashableQuerySet

if TYPE_CHECKING:
    from conversations.models import Feedback, Message, Thread, Tombstone  # noqa: F401  quoted below


class ThreadQuerySet(TrashableQuerySet["Thread"]):
    def in_recent_order(self) -> Self:
        return self.order_by("-updated_at", "-id")

    def get_by_natural_key(self, organization: str, external_id: str) -> Thread:
        return self.get(organization__slug=organization, external_id=external_id)


class MessageQuerySet(TrashableQuerySet["Message"]):
    def of_thread(self, thread: Thread) -> Self:
        return self.filter(organization_id=thread.organization_id, thread_id=thread.pk)

    def in_order(self) -> Self:
        return self.order_by("position")

    def on_path(self, path: Sequence[Segment] | None) -> Self:
        """Messages whose positions lie in one of the runs; None stands for the whole thread."""
        if path is None:
            return self
        chosen = Q()
        for start, end in path:
            chosen |= Q(position__gte=start) if end is None else Q(position__gte=start, position__lte=end)
        return self.filter(chosen)

    def jumps(self) -> Self:
        """Messages with an explicit parent."""
        return self.filter(parent_position__isnull=False)

    def in_active_threads(self) -> Self:
        return self.active().filter(thread__trashed_at=None)

    def get_by_natural_key(self, organization: str, thread: str, position: int) -> Message:
        return self.get(organization__slug=organization, thread__external_id=thread, position=position)


class FeedbackQuerySet(TrashableQuerySet["Feedback"]):
    def of_message(self, message_id: UUID) -> Self:
        return self.filter(message_id=message_id)

    def on_active_messages(self) -> Self:
        """Feedback, in the trash or not, on messages that are not."""
        return self.filter(message__trashed_at=None, message__thread__trashed_at=None)


class TombstoneQuerySet(TenantQuerySet["Tombstone"]):
    pass
