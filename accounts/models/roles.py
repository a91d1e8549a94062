"""What people may do: the catalogue of permissions as the database knows it, and roles that hold some of them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.querysets import RoleQuerySet
from core.fields import JSONField
from core.models import IdentifiedModel, VersionedModel


class Permission(IdentifiedModel):
    """A permission code of `accounts.permissions`, kept in step with it by `sync_roles`."""

    code = models.CharField(max_length=80, help_text="noun.verb")
    description = models.CharField(max_length=255)

    objects = models.Manager["Permission"]()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["code"], name="permission_code_unique")]

    def __str__(self) -> str:
        return self.code

    def natural_key(self) -> tuple[str]:
        return (self.code,)


class Role(IdentifiedModel, VersionedModel):
    """A named set of permissions. Built-in roles belong to no organization and serve all of them."""

    organization = models.ForeignKey(
        "accounts.Organization",
        null=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
        editable=False,
        help_text="Empty for the roles that every organization has.",
    )
    slug = models.SlugField(max_length=63, db_index=False)
    name = models.CharField(max_length=255)
    description = models.TextField(default="", blank=True)
    permissions = JSONField(default=list, blank=True, help_text="A list of permission codes.")

    objects = RoleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "slug"], name="role_slug_unique"),
            models.UniqueConstraint(
                fields=["slug"], condition=models.Q(organization=None), name="role_built_in_slug_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_built_in(self) -> bool:
        return self.organization_id is None

    def natural_key(self) -> tuple[str | None, str]:
        return (self.organization.slug if self.organization else None, self.slug)

    natural_key.dependencies = ["accounts.organization"]  # type: ignore[attr-defined]
