"""Processes that change who belongs to an organization at the same moment; prints what came of it as JSON.

DATABASE_URL=… python -m tests.concurrency.leavers ROUNDS
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import django

from tests.concurrency.forking import in_processes

if TYPE_CHECKING:
    from accounts.models import Organization, User


def outcome(act: Any, **arguments: Any) -> str:
    """Carry out an act; `done`, or the code of the error."""
    from core.errors import DomainError

    try:
        act(**arguments)
    except DomainError as error:
        return error.code
    return "done"


def owner(organization: Organization, name: str) -> User:
    from accounts.actors import SystemActor
    from accounts.models import User
    from accounts.services.memberships import add_membership

    user = User.objects.create(username=name)
    add_membership(actor=SystemActor(organization.pk), user=user, role="owner")
    return user


def leave_together(organization: Organization, turn: int) -> list[str]:
    """Two owners, the only ones: one leaves, the other becomes a viewer."""
    from accounts.actors import MemberActor
    from accounts.models import Membership
    from accounts.services.memberships import remove_membership, update_membership

    people = [owner(organization, f"{name}-{turn}") for name in ("olga", "oscar")]
    own = [Membership.objects.get(organization=organization, user=user).pk for user in people]

    def act(number: int) -> str:
        actor = MemberActor(organization.pk, people[number].pk, "owner")
        if number:
            return outcome(update_membership, actor=actor, membership_id=own[1], changes={"role": "viewer"})
        return outcome(remove_membership, actor=actor, membership_id=own[0])

    return in_processes(2, act)


def accept_together(organization: Organization, turn: int) -> list[str]:
    """Two people with the address of one invitation."""
    from accounts.actors import SystemActor
    from accounts.models import User
    from accounts.services.invitations import accept_invitation, create_invitation

    actor = SystemActor(organization.pk)
    _invitation, secret = create_invitation(actor=actor, email="eve@example.org", role="member")
    people = [User.objects.create(username=f"{name}-{turn}") for name in ("eve", "eva")]
    return in_processes(2, lambda number: outcome(accept_invitation, secret=secret, user=people[number]))


def main(rounds: int) -> None:
    from accounts.models import Membership
    from accounts.services import create_organization

    told: list[dict[str, Any]] = []
    for turn in range(rounds):
        organization = create_organization(slug=f"acme-{turn}")
        accepted = accept_together(organization, turn)
        left = leave_together(organization, turn)
        members = Membership.objects.filter(organization=organization)
        counts = {slug: members.filter(role__slug=slug).count() for slug in ("owner", "member")}
        told.append({"accepted": sorted(accepted), "left": sorted(left), **counts})
    print(json.dumps(told))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main(int(sys.argv[1]))
