"""Organizations, their people and their keys."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.querysets import ApiKeyQuerySet, IdempotencyRecordQuerySet, MembershipQuerySet, OrganizationQuerySet
from core.fields import JSONField, UUID7Field
from core.models import IdentifiedModel, TenantModel, TimestampedModel


class Organization(IdentifiedModel, TimestampedModel):
    """A tenant: everything that is stored belongs to exactly one."""

    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=63, db_index=False)
    suspended_at = models.DateTimeField(null=True, blank=True, help_text="While set, nobody of it gets in.")

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["slug"], name="organization_slug_unique")]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str]:
        return (self.slug,)


class User(AbstractUser):
    """A person. What a person may see follows from memberships."""

    id = UUID7Field()

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), condition=~models.Q(email=""), name="user_email_unique")
        ]


class Membership(TenantModel):
    """A person in an organization."""

    user_id: UUID
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    created_at = models.DateTimeField(default=timezone.now)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_organization_user_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"

    def natural_key(self) -> tuple[str, str]:
        return (self.organization.slug, self.user.get_username())

    natural_key.dependencies = ["accounts.organization", "accounts.user"]  # type: ignore[attr-defined]


class ApiKey(TenantModel):
    """A service's way in. Only a keyed hash of the secret is stored, see `accounts.keys`."""

    name = models.CharField(max_length=255)
    prefix = models.CharField(max_length=12, help_text="The visible part of the key, by which it is found.")
    digest = models.CharField(max_length=64, help_text="HMAC-SHA-256 of the secret part, in hex.")
    pepper_id = models.CharField(max_length=16, help_text="Names the pepper that the digest was made with.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints: ClassVar = [models.UniqueConstraint(fields=["prefix"], name="api_key_prefix_unique")]
        indexes: ClassVar = [models.Index(fields=["organization", "name"], name="api_key_by_name")]

    def __str__(self) -> str:
        return f"{self.name} (parley_{self.prefix}_…)"


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
