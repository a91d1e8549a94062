"""Abstract bases of every table."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone

from core.fields import UUID7Field


class IdentifiedModel(models.Model):
    """A row with a UUIDv7 made in Python; a client may bring its own UUID where the API says so."""

    id = UUID7Field()

    class Meta:
        abstract = True


class TimestampedModel(models.Model):
    """Creation and last change, set by the code that changes the row and not behind its back.

    `auto_now` is avoided on purpose: it would alter rows that `loaddata` or an import writes again.
    """

    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True


class TenantModel(IdentifiedModel):
    """A row that belongs to one organization for its whole life.

    The foreign key has no index of its own: every index of a tenant table that serves a list starts with it.
    """

    organization_id: UUID
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, db_index=False, related_name="+", editable=False
    )

    class Meta:
        abstract = True

    def _do_update(self, base_qs: Any, *args: Any, **kwargs: Any) -> Any:
        """Let `save()` name the organization: the row is found in its shard, and cannot be moved to another tenant."""
        return super()._do_update(base_qs.filter(organization_id=self.organization_id), *args, **kwargs)


class VersionedModel(TimestampedModel):
    """A row whose every change counts `version` up; the entity tag of the API shows it."""

    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True


class TrashableModel(models.Model):
    """A row that deleting moves to the trash, from where it can be restored until it is purged."""

    trashed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True
