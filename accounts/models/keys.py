"""API keys."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models

from accounts.models.people import User
from accounts.querysets import ApiKeyQuerySet
from core.fields import JSONField
from core.models import TenantModel, VersionedModel


class ApiKey(TenantModel, VersionedModel):
    """A way in for programs: of a service, or of a person. Only a hash of the secret is stored, see `accounts.keys`."""

    class Scheme(models.TextChoices):
        """How the secret is hashed."""

        HMAC = "hmac"
        BCRYPT = "bcrypt"

    name = models.CharField(max_length=255)
    user_id: UUID | None
    user = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="The person the key acts for, within their role; empty for a service's key.",
    )
    prefix = models.CharField(max_length=16, help_text="The visible part of the key, by which it is found.")
    scheme = models.CharField(max_length=10, choices=Scheme, default=Scheme.HMAC, editable=False)
    digest = models.CharField(max_length=64, help_text="HMAC-SHA-256 of the secret in hex, or an imported bcrypt hash.")
    pepper_id = models.CharField(
        max_length=16, default="", help_text="Names the pepper that the digest was made with; empty under bcrypt."
    )
    is_imported = models.BooleanField(
        default=False, editable=False, help_text="Made by another system: its text has not the form of Parley's keys."
    )
    permissions = JSONField(
        null=True, blank=True, help_text="The permission codes the key is narrowed to; null: all that its owner has."
    )
    is_read_only = models.BooleanField(default=False)
    allowed_networks = JSONField(
        default=list, blank=True, help_text="Networks the key may be used from, as 192.0.2.0/24; empty: any."
    )
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["prefix"], condition=models.Q(is_imported=False), name="api_key_prefix_unique"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "name"], name="api_key_by_name"),
            models.Index(fields=["organization", "-created_at", "-id"], name="api_key_by_age"),
            models.Index(fields=["prefix"], condition=models.Q(is_imported=True), name="api_key_by_imported_prefix"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.shown_prefix})"

    @property
    def shown_prefix(self) -> str:
        """The part of the key's text that may be shown."""
        return f"{self.prefix}…" if self.is_imported else f"parley_{self.prefix}_…"
