"""Answers to requests that may be sent again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.querysets import IdempotencyRecordQuerySet
from core.fields import JSONField
from core.models import TenantModel


class IdempotencyRecord(TenantModel):
    """The answer to a request that may be sent again, see `core.idempotency`."""

    key = models.CharField(max_length=260)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, address and body, in hex.")
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(default="")
    headers = JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    objects = IdempotencyRecordQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="idempotency_organization_key_unique")
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return self.key
