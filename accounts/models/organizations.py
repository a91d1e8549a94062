"""Organizations, and what they are divided into: domains, and instances in them."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models

from accounts.querysets import DomainQuerySet, InstanceQuerySet, OrganizationQuerySet
from core.fields import JSONField, TenantForeignKey
from core.models import IdentifiedModel, TenantModel, TrashableModel, VersionedModel
from core.querysets import TenantQuerySet


class Organization(IdentifiedModel, VersionedModel):
    """A tenant: everything that is stored belongs to exactly one."""

    class ContentAccess(models.TextChoices):
        """What platform administrators who are no members may read of the organization's messages."""

        REVEALED = "revealed", "Hidden; each reveal needs a reason and is audited"
        OPEN = "open", "Shown"
        CLOSED = "closed", "Hidden; nothing can be revealed"

    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=63, db_index=False)
    content_access = models.CharField(
        max_length=20,
        choices=ContentAccess,
        default=ContentAccess.REVEALED,
        help_text="What platform administrators who are no members may read of its messages.",
    )
    suspended_at = models.DateTimeField(null=True, blank=True, help_text="While set, nobody of it gets in.")

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["slug"], name="organization_slug_unique")]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str]:
        return (self.slug,)


class Domain(TenantModel, VersionedModel, TrashableModel):
    """A part of an organization, for instance a department; people can be narrowed to one."""

    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=63, db_index=False, help_text="Unique among the organization's domains.")
    description = models.TextField(default="", blank=True)
    metadata = JSONField(default=dict, blank=True)

    objects = DomainQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "slug"], condition=models.Q(trashed_at=None), name="domain_slug_unique"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "-updated_at", "-id"], name="domain_by_recency")]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str, str]:
        return (self.organization.slug, self.slug)

    natural_key.dependencies = ["accounts.organization"]  # type: ignore[attr-defined]


class Instance(TenantModel, VersionedModel, TrashableModel):
    """A deployment of agents in an environment."""

    class Environment(models.TextChoices):
        DEVELOPMENT = "development"
        STAGING = "staging"
        PRODUCTION = "production"

    domain_id: UUID
    domain = TenantForeignKey(Domain, on_delete=models.PROTECT, db_index=False, related_name="instances")
    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=63, db_index=False, help_text="Unique among the domain's instances.")
    environment = models.CharField(max_length=20, choices=Environment, default=Environment.DEVELOPMENT)
    description = models.TextField(default="", blank=True)
    metadata = JSONField(default=dict, blank=True)
    agents = models.ManyToManyField("agents_app.Agent", through="InstanceAgent", related_name="instances")
    agent_ids: list[UUID]
    """The agents among them that somebody sees; there once `accounts.instances.with_agents` has set them."""

    objects = InstanceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "domain", "slug"],
                condition=models.Q(trashed_at=None),
                name="instance_slug_unique",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "-updated_at", "-id"], name="instance_by_recency")]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str, str, str]:
        return (self.organization.slug, self.domain.slug, self.slug)

    natural_key.dependencies = ["accounts.organization", "accounts.domain"]  # type: ignore[attr-defined]


class InstanceAgent(TenantModel):
    """An agent that an instance runs."""

    instance = TenantForeignKey(Instance, on_delete=models.CASCADE, db_index=False, related_name="+")
    agent = TenantForeignKey("agents_app.Agent", on_delete=models.CASCADE, related_name="+")

    objects = TenantQuerySet["InstanceAgent"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "instance", "agent"], name="instance_agent_unique")
        ]

    def __str__(self) -> str:
        return f"{self.agent} in {self.instance}"
