"""Integrations: where an organization's model providers and webhooks are, and the secrets that open them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from agents_app.querysets import IntegrationConfigQuerySet
from core.fields import JSONField
from core.models import TenantModel, TrashableModel, VersionedModel
from core.secrets import Sealed, SecretText, unseal


class IntegrationConfig(TenantModel, VersionedModel, TrashableModel):
    """A service outside of Parley. What may be shown stands in columns, what may not in one ciphertext."""

    class TestStatus(models.TextChoices):
        OK = "ok"
        FAILED = "failed"

    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=80, db_index=False, help_text="Unique among the organization's integrations.")
    kind = models.CharField(max_length=50, help_text="For instance openai, anthropic, openai_compatible, webhook.")
    base_url = models.CharField(max_length=2048, default="", blank=True)
    settings = JSONField(default=dict, blank=True, help_text="What is not secret.")
    secrets = models.TextField(default="", blank=True, editable=False, help_text="Ciphertext; empty: no secrets.")
    secret_names = JSONField(default=list, blank=True, editable=False, help_text="Names of the secrets, in order.")
    secrets_key_id = models.CharField(max_length=16, default="", blank=True, editable=False)
    is_active = models.BooleanField(default=True)
    last_tested_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_test_status = models.CharField(max_length=10, choices=TestStatus, default="", blank=True, editable=False)
    last_test_detail = models.CharField(max_length=500, default="", blank=True, editable=False)

    objects = IntegrationConfigQuerySet.as_manager()

    class Meta:
        verbose_name = "integration"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "slug"], condition=models.Q(trashed_at=None), name="integration_slug_unique"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "-updated_at", "-id"], name="integration_by_recency")]

    def __str__(self) -> str:
        return self.name

    def open_secrets(self) -> dict[str, SecretText]:
        """Return the secrets by name; raises `UnreadableSecrets`."""
        return unseal(Sealed(self.secrets, self.secrets_key_id), owner=self.pk) if self.secrets else {}
