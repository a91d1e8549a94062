"""Leave to read what a thread holds. Nothing of a transcript is built without it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.errors import DomainError


class ContentHidden(DomainError):
    """What was said in the thread is hidden from the person who asks."""

    status = 403
    code = "content_hidden"
    title = "What was said is hidden."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPermit:
    """Says that somebody may read one thread; only those who have checked it make one."""

    organization_id: UUID
    thread_id: UUID
    includes_feedback: bool
    until: datetime | None = None
    """When it ends, for a thread that was revealed; None for as long as a role allows it."""

    def check(self, *, organization_id: UUID, thread_id: UUID) -> None:
        """Raise `ContentHidden` unless the permit is for this thread."""
        if (self.organization_id, self.thread_id) != (organization_id, thread_id):
            raise ContentHidden("The permit is for another thread.")
