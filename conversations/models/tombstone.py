"""The mark that a purged row leaves."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from conversations.querysets import TombstoneQuerySet
from core.models import TenantModel


class Tombstone(TenantModel):
    """Tells a syncing client that a row is gone for good; holds nothing of what the row said."""

    class Kind(models.TextChoices):
        THREAD = "thread"
        MESSAGE = "message"

    kind = models.CharField(max_length=20, choices=Kind)
    object_id = models.UUIDField()
    purged_at = models.DateTimeField(default=timezone.now)

    objects = TombstoneQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "object_id"], name="tombstone_object_unique")
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "purged_at", "id"], name="tombstone_by_age")]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"
