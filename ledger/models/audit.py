"""Who did what: one chain of entries for each organization, each tied to the one before by its hash."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils import timezone

from core.fields import JSONField
from core.models import IdentifiedModel
from ledger.querysets import AppendOnlyQuerySet, AuditEntryQuerySet

PLATFORM = UUID(int=0)
"""Stands for the organization in entries that belong to none, such as the log-in of somebody without membership."""


class AuditEntry(IdentifiedModel):
    """One act. Written in the transaction of the change it tells about; the database refuses to change or delete it.

    The organization, the actor and the subject are soft ids: the entry outlives them.
    """

    class ActorKind(models.TextChoices):
        USER = "user"
        KEY = "key"
        SYSTEM = "system"
        ANONYMOUS = "anonymous"

    organization_id = models.UUIDField(editable=False)
    sequence = models.PositiveBigIntegerField(help_text="1, 2, 3 … without a gap in the chain of an organization.")
    action = models.CharField(max_length=80, help_text="noun.verb, for instance thread.deleted")
    actor_kind = models.CharField(max_length=20, choices=ActorKind)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=255, default="")
    subject_type = models.CharField(max_length=80, default="")
    subject_id = models.UUIDField(null=True)
    subject_label = models.CharField(max_length=255, default="")
    before = JSONField(null=True, help_text="What the changed fields held before; empty for what was created.")
    after = JSONField(null=True, help_text="What they hold now; empty for what was deleted.")
    reason = models.TextField(default="")
    request_id = models.CharField(max_length=128, default="")
    address = models.CharField(max_length=45, default="", help_text="Where the request came from.")
    created_at = models.DateTimeField(default=timezone.now)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, help_text="SHA-256 over this entry and the hash before it, in hex.")

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        # So that saving a row that is there already is refused like changing a set of rows.
        base_manager_name = "objects"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization_id", "sequence"], name="audit_sequence_unique")
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization_id", "action", "-sequence"], name="audit_by_action"),
            models.Index(fields=["organization_id", "subject_id", "-sequence"], name="audit_by_subject"),
            models.Index(fields=["organization_id", "actor_id", "-sequence"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} #{self.sequence}"


class AuditChain(models.Model):
    """The end of an organization's chain: locked while an entry is added, so that entries follow each other."""

    organization_id = models.UUIDField(primary_key=True, editable=False)
    last_sequence = models.PositiveBigIntegerField(default=0)
    last_hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.last_sequence}"


class ChainErasure(models.Model):
    """The chain of an organization that was erased as a whole: without this row the database keeps every entry."""

    organization_id = models.UUIDField(primary_key=True, editable=False)
    entries = models.PositiveBigIntegerField(help_text="How many entries the chain had.")
    last_hash = models.CharField(max_length=64, help_text="What the last of them was sealed with.")
    erased_at = models.DateTimeField(default=timezone.now)

    objects = AppendOnlyQuerySet["ChainErasure"].as_manager()

    class Meta:
        base_manager_name = "objects"
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(organization_id=PLATFORM), name="chain_erasure_not_platform")
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} after {self.entries}"
