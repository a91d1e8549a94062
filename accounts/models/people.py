"""People, the organizations they belong to, and those who are asked to join."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower

from accounts.actors import held
from accounts.models.organizations import Domain
from accounts.models.roles import Role
from accounts.querysets import InvitationQuerySet, MembershipQuerySet
from core.fields import TenantForeignKey, UUID7Field
from core.grants import AdminScope, Grant
from core.models import TenantModel, VersionedModel


class User(AbstractUser):
    """A person. What a person may see follows from memberships."""

    id = UUID7Field()

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), condition=~models.Q(email=""), name="user_email_unique")
        ]

    def admin_scope(self) -> AdminScope:
        """What the person may see and do in the admin; one query."""
        if not self.is_active:
            return AdminScope()
        memberships = self.memberships.in_active_organizations().select_related("role")
        return AdminScope(is_unlimited=self.is_superuser, grants=tuple(each.grant() for each in memberships))


class Membership(TenantModel, VersionedModel):
    """A person in an organization, with a role, in the whole of it or in one domain."""

    user_id: UUID
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role_id: UUID
    role = models.ForeignKey(Role, on_delete=models.PROTECT, db_index=False, related_name="memberships")
    domain_id: UUID | None
    domain = TenantForeignKey(
        Domain,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="memberships",
        help_text="Empty: the whole organization. Otherwise nothing outside of this domain is shown.",
    )

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_organization_user_unique")
        ]
        indexes: ClassVar = [models.Index(fields=["organization", "-created_at", "-id"], name="membership_by_age")]

    def __str__(self) -> str:
        return f"{self.user} in {self.organization}"

    def grant(self) -> Grant:
        """What the membership lets the person do."""
        codes = held(frozenset(self.role.permissions), domain_id=self.domain_id)
        return Grant(self.organization_id, codes, self.domain_id)

    def natural_key(self) -> tuple[str, str]:
        return (self.organization.slug, self.user.get_username())

    natural_key.dependencies = ["accounts.organization", "accounts.user"]  # type: ignore[attr-defined]


class Invitation(TenantModel, VersionedModel):
    """Asks a person to join. The secret of its address is shown once; only a keyed hash of it is stored."""

    email = models.EmailField()
    role = models.ForeignKey(Role, on_delete=models.PROTECT, db_index=False, related_name="+")
    domain = TenantForeignKey(Domain, null=True, blank=True, on_delete=models.PROTECT, db_index=False, related_name="+")
    digest = models.CharField(max_length=64, help_text="HMAC-SHA-256 of the secret, in hex.")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["digest"], name="invitation_digest_unique")]
        indexes: ClassVar = [models.Index(fields=["organization", "-created_at", "-id"], name="invitation_by_age")]

    def __str__(self) -> str:
        return self.email

    def is_open_at(self, now: datetime) -> bool:
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at
