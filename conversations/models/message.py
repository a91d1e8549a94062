"""A message of a thread."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils import timezone

from conversations.branches import parent_of
from conversations.querysets import MessageQuerySet
from core.fields import JSONField, TenantForeignKey
from core.models import TenantModel, TrashableModel


class Message(TenantModel, TrashableModel):
    """A message. What was said is never changed; only its place in or out of the trash is."""

    class Role(models.TextChoices):
        """Who speaks."""

        SYSTEM = "system"
        DEVELOPER = "developer"
        USER = "user"
        ASSISTANT = "assistant"
        TOOL = "tool"
        FUNCTION = "function"

    class Status(models.TextChoices):
        """How far the message came."""

        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        INCOMPLETE = "incomplete"
        FAILED = "failed"

    thread_id: UUID
    thread = TenantForeignKey("conversations.Thread", on_delete=models.CASCADE, db_index=False, related_name="messages")
    position = models.PositiveIntegerField(help_text="1, 2, 3 … in the order in which messages were accepted.")
    parent_position = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty: it answers the previous position. 0: it has no parent."
    )
    role = models.CharField(max_length=20, choices=Role)
    content = models.TextField(null=True, blank=True)  # noqa: DJ001  null, missing and "" are three things
    parts = JSONField(null=True, blank=True, help_text="Typed parts in order, unknown types as they came.")
    artifact_data = JSONField(null=True, blank=True)
    metadata = JSONField(null=True, blank=True)
    external_id = models.CharField(  # noqa: DJ001  null keeps unnamed messages out of the unique index
        max_length=255, null=True, blank=True, help_text="The client's own id, unique in the thread."
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.COMPLETED)
    provider = models.CharField(max_length=50, default="", blank=True)
    model = models.CharField(max_length=100, default="", blank=True)
    usage = JSONField(null=True, blank=True)
    finish_reason = models.CharField(max_length=50, default="", blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, help_text="The source's time where it was imported.")

    purged_at = models.DateTimeField(
        null=True, editable=False, help_text="When what it said was erased; the row keeps its place in the thread."
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # The one index by thread. The thread leads: it lies in one organization, and its foreign key needs it.
            models.UniqueConstraint(fields=["thread", "organization", "position"], name="message_position_unique"),
            models.UniqueConstraint(
                fields=["organization", "external_id", "thread"],
                condition=models.Q(external_id__isnull=False),
                name="message_external_id_unique",
            ),
            models.CheckConstraint(condition=models.Q(position__gte=1), name="message_position_from_one"),
            models.CheckConstraint(
                condition=models.Q(parent_position=None) | models.Q(parent_position__lt=models.F("position")),
                name="message_parent_before_child",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "thread", "position"],
                condition=models.Q(parent_position__isnull=False),
                name="message_branches",
            ),
            models.Index(fields=["organization", "id"], name="message_by_id"),
            models.Index(
                fields=["organization", "trashed_at"],
                condition=models.Q(trashed_at__isnull=False),
                name="message_in_trash",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} #{self.position}"

    def natural_key(self) -> tuple[str, str | None, int]:
        return (self.organization.slug, self.thread.external_id, self.position)

    natural_key.dependencies = ["conversations.thread"]  # type: ignore[attr-defined]

    @property
    def answers(self) -> int:
        """Position of the message this one answers, 0 for none."""
        return parent_of(self.position, self.parent_position)
