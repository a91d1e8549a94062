"""A conversation."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models

from conversations.branches import Segment
from conversations.querysets import ThreadQuerySet
from core.fields import JSONField, TenantForeignKey
from core.models import TenantModel, TrashableModel, VersionedModel


class Thread(TenantModel, VersionedModel, TrashableModel):
    """A conversation. Its counters are kept by every append, so that a list of threads never reads messages."""

    class Status(models.TextChoices):
        """What the thread is doing, in the words of the Agent Protocol."""

        IDLE = "idle"
        BUSY = "busy"
        INTERRUPTED = "interrupted"
        ERROR = "error"

    agent_id: UUID | None
    agent = TenantForeignKey(
        "agents_app.Agent",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="threads",
    )
    domain_id: UUID | None
    domain = TenantForeignKey(
        "accounts.Domain",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
        editable=False,
        help_text="The domain of its agent when it began; empty: the whole organization.",
    )
    title = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001  null and "" are told apart
    agent_type = models.CharField(max_length=50)
    model = models.CharField(max_length=100)
    provider = models.CharField(max_length=50)
    status = models.CharField(max_length=20, choices=Status, default=Status.IDLE)
    metadata = JSONField(default=dict, blank=True)
    external_id = models.CharField(  # noqa: DJ001  null keeps unnamed threads out of the unique index
        max_length=255, null=True, blank=True, help_text="The id in the system it came from."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        db_index=False,
        related_name="+",
        editable=False,
    )
    last_position = models.PositiveIntegerField(default=0, editable=False)
    message_count = models.PositiveIntegerField(default=0, editable=False, help_text="Messages outside the trash.")
    last_message_at = models.DateTimeField(null=True, editable=False)
    active_leaf = models.PositiveIntegerField(
        null=True, editable=False, help_text="Position that the next message answers; empty: the last one."
    )
    active_path = JSONField(
        null=True, editable=False, help_text="Runs of positions that make up the active branch; empty: all."
    )
    archived_at = models.DateTimeField(null=True, editable=False)

    objects = ThreadQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=models.Q(external_id__isnull=False),
                name="thread_external_id_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(message_count__lte=models.F("last_position")), name="thread_count_within_positions"
            ),
            models.CheckConstraint(
                condition=models.Q(active_leaf=None) | models.Q(active_leaf__lte=models.F("last_position")),
                name="thread_leaf_within_positions",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "-updated_at", "-id"],
                condition=models.Q(trashed_at=None),
                name="thread_by_recency",
            ),
            models.Index(
                fields=["organization", "agent", "-updated_at", "-id"],
                condition=models.Q(agent__isnull=False),
                name="thread_by_agent",
            ),
            models.Index(
                fields=["organization", "-updated_at", "-id"],
                condition=models.Q(trashed_at__isnull=False),
                name="thread_in_trash",
            ),
            models.Index(
                fields=["organization", "domain", "-updated_at", "-id"],
                condition=models.Q(domain__isnull=False),
                name="thread_by_domain",
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"Thread {self.pk}"

    def natural_key(self) -> tuple[str, str | None]:
        return (self.organization.slug, self.external_id)

    natural_key.dependencies = ["accounts.organization", "agents_app.agent"]  # type: ignore[attr-defined]

    @property
    def leaf_position(self) -> int:
        """Position of the message that the next one answers, 0 in an empty thread."""
        return self.last_position if self.active_leaf is None else self.active_leaf

    @property
    def path(self) -> list[Segment] | None:
        """The active branch as runs of positions, None for the whole thread."""
        return None if self.active_path is None else [(start, end) for start, end in self.active_path]
