"""Invitations: somebody who is no member yet is asked to join, by an address that is shown once."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actors import MemberActor, held
from accounts.invitation_secrets import digests_of, make_secret
from accounts.models import Invitation, Membership, User
from accounts.services.domains import domain_for
from accounts.services.locking import hold_organization
from accounts.services.memberships import AlreadyMember, join
from accounts.services.roles import check_grant, role_for
from accounts.services.users import create_user, record_new_user
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, DomainError, NotFound
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import record, subject_of

DEFAULT_DAYS = 7
MAX_DAYS = 30


class InvitationOver(Conflict):
    """The invitation was accepted or revoked before."""

    code = "invitation_over"


class WrongAddressee(DomainError):
    """The invitation was written to another e-mail address than that of the person."""

    status = 403
    code = "wrong_addressee"


@transaction.atomic
def create_invitation(
    *,
    actor: Actor,
    email: str,
    role: str,
    domain_id: UUID | None = None,
    expires_in_days: int = DEFAULT_DAYS,
    now: datetime | None = None,
) -> tuple[Invitation, str]:
    """Invite the owner of an e-mail address and return the secret too, which is stored nowhere.

    Nobody offers more than they hold. Raises `UnknownRole`, `UnknownDomain`, `GrantsTooMuch`.
    """
    moment = now or timezone.now()
    hold_organization(actor.organization_id)
    offered = role_for(actor, role)
    domain_id = domain_for(actor, domain_id)
    check_grant(actor, held(frozenset(offered.permissions), domain_id=domain_id))
    secret, digest = make_secret()
    invitation = Invitation.objects.create(
        organization_id=actor.organization_id,
        email=email,
        role=offered,
        domain_id=domain_id,
        digest=digest,
        created_by_id=actor.user_id,
        expires_at=moment + timedelta(days=expires_in_days),
        created_at=moment,
        updated_at=moment,
    )
    after = {"email": email, "role": role, "domain_id": domain_id, "expires_at": invitation.expires_at}
    record(actor=actor, action="invitation.created", subject=subject_of(invitation), after=after, now=moment)
    return invitation, secret


@transaction.atomic
def revoke_invitation(
    *, actor: Actor, invitation_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> Invitation:
    """Close an invitation for good. Raises `NotFound`, `VersionMismatch`, `InvitationOver`."""
    moment = now or timezone.now()
    hold_organization(actor.organization_id)
    invitation = lock_row(Invitation.objects.visible_to(actor), invitation_id, precondition)
    if invitation.accepted_at or invitation.revoked_at:
        raise InvitationOver(f"It was {'accepted' if invitation.accepted_at else 'revoked'} before.")
    save_changes(invitation, {"revoked_at": moment}, now=moment)
    record(actor=actor, action="invitation.revoked", subject=subject_of(invitation), now=moment)
    return invitation


def open_invitation(secret: str, *, now: datetime | None = None) -> Invitation:
    """Return the invitation of a secret. Raises `NotFound`: unknown, over, expired, or its organization suspended."""
    invitations = Invitation.objects.filter(digest__in=digests_of(secret), organization__suspended_at=None)
    found = invitations.open_at(now or timezone.now()).select_related("organization", "role", "domain").first()
    if found is None or (found.domain is not None and found.domain.trashed_at is not None):
        raise NotFound
    return found


def is_member(user: User, invitation: Invitation) -> bool:
    """Whether the person belongs to the organization already."""
    return Membership.objects.filter(organization_id=invitation.organization_id, user=user).exists()


def is_addressee(user: User, invitation: Invitation) -> bool:
    """Whether the invitation may be meant for the person: the same e-mail address, or the person has none."""
    return not user.email or user.email.casefold() == invitation.email.casefold()


@transaction.atomic
def accept_invitation(*, secret: str, user: User, now: datetime | None = None) -> Membership:
    """Let the person join. Raises `NotFound`, `WrongAddressee`, `AlreadyMember`; the invitation stays open then."""
    moment = now or timezone.now()
    invitation = _held_invitation(secret, moment)
    if not is_addressee(user, invitation):
        raise WrongAddressee("The invitation was sent to another e-mail address.")
    if is_member(user, invitation):
        raise AlreadyMember("You belong to the organization already.")
    return _join(invitation, user, moment)


@transaction.atomic
def accept_as_new_user(*, secret: str, username: str, password: str, now: datetime | None = None) -> User:
    """Make an account with the invited e-mail address, and join. Raises `NotFound`, `InvalidUser`, `UserConflict`."""
    moment = now or timezone.now()
    invitation = _held_invitation(secret, moment)
    user = create_user(actor=None, username=username, password=password, email=invitation.email, now=moment)
    record_new_user(actor=_newcomer(invitation, user), user=user, now=moment)
    _join(invitation, user, moment)
    return user


def _held_invitation(secret: str, now: datetime) -> Invitation:
    """Read it again once its organization is held: meanwhile it may have been used, or revoked."""
    hold_organization(open_invitation(secret, now=now).organization_id)
    return open_invitation(secret, now=now)


def _join(invitation: Invitation, user: User, now: datetime) -> Membership:
    actor = _newcomer(invitation, user)
    membership = join(actor=actor, user=user, role=invitation.role, domain_id=invitation.domain_id, now=now)
    save_changes(invitation, {"accepted_at": now}, now=now)
    record(actor=actor, action="invitation.accepted", subject=subject_of(invitation), now=now)
    return membership


def _newcomer(invitation: Invitation, user: User) -> MemberActor:
    return MemberActor(invitation.organization_id, user.pk, user.get_username(), permissions=frozenset())
