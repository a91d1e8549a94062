"""Nobody gets or gives more than they hold, and an organization keeps its last owner."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import MemberActor
from accounts.models import Domain, Membership, Organization, Role, User
from accounts.roles import BUILT_IN_ROLES
from accounts.services import create_api_key
from accounts.services.memberships import add_membership
from accounts.services.roles import GrantsTooMuch
from tests.accounts.people import Person, membership_path, own_role, place_of
from tests.api.problems import problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import make_member


@pytest.fixture
def adam(organization: Organization, alice: User) -> Person:
    """An administrator, who holds everything but `organization.delete`."""
    return Person(make_member("adam", organization, role="admin"))


@pytest.fixture
def domain(organization: Organization) -> Domain:
    return Domain.objects.create(organization=organization, name="Retail", slug="retail")


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, problem_of(response)["code"]


def test_nobody_raises_anyone_above_themselves(adam: Person, bob: User) -> None:
    before = snapshot()

    answers = [adam.patch(membership_path(user), {"role": "owner"}) for user in (bob, adam.user)]

    assert [code_of(answer) for answer in answers] == [(403, "grants_too_much")] * 2
    assert problem_of(answers[0])["detail"] == "You do not hold organization.delete."
    assert snapshot() == before
    assert adam.patch(membership_path(bob), {"role": "admin"}).status_code == 200


def test_nobody_changes_or_removes_somebody_who_holds_more(
    adam: Person, organization: Organization, domain: Domain
) -> None:
    path = membership_path(make_member("olga", organization))
    before = snapshot()

    answers = [
        adam.patch(path, {"role": "viewer"}),
        adam.patch(path, {"domain_id": str(domain.pk)}),
        adam.delete(path),
    ]

    assert [code_of(answer) for answer in answers] == [(403, "grants_too_much")] * 3
    assert snapshot() == before


def test_widening_somebody_to_the_whole_organization_gives_what_the_role_holds(
    adam: Person, organization: Organization, domain: Domain
) -> None:
    path = membership_path(make_member("olga", organization, domain=domain))
    before = snapshot()

    widened = adam.patch(path, {"domain_id": None})

    assert code_of(widened) == (403, "grants_too_much")
    assert snapshot() == before
    assert adam.patch(path, {"role": "viewer", "domain_id": None}).status_code == 200


def test_nobody_invites_with_more_than_they_hold(adam: Person, domain: Domain) -> None:
    before = snapshot()

    refused = adam.post("/api/invitations", {"email": "eve@example.org", "role": "owner"})

    assert code_of(refused) == (403, "grants_too_much")
    assert snapshot() == before
    narrowed = {"email": "eve@example.org", "role": "owner", "domain_id": str(domain.pk)}
    assert adam.post("/api/invitations", narrowed).status_code == 201


def test_a_narrowed_key_gives_only_what_it_holds_itself(organization: Organization, alice: User, bob: User) -> None:
    own_role(organization, "desk", "membership.update", "thread.read")
    Membership.objects.filter(user=bob).update(role=Role.objects.get(slug="desk"))
    narrowed = ["membership.update", "thread.read"]
    key = ApiClient(create_api_key(organization=organization, name="narrow", permissions=narrowed)[1])
    before = snapshot()

    refused = key.patch(membership_path(bob), {"role": "viewer"})

    assert code_of(refused) == (403, "grants_too_much")
    assert snapshot() == before
    assert key.patch(membership_path(bob), {"role": "desk"}).status_code == 200


def test_the_last_owner_stays(alice: User, bob: User, adam: Person, api: ApiClient, domain: Domain) -> None:
    path, before = membership_path(alice), snapshot()

    answers = [
        *(client.patch(path, {"role": "admin"}) for client in (Person(alice), api)),
        *(client.patch(path, {"domain_id": str(domain.pk)}) for client in (Person(alice), api)),
        *(client.delete(path) for client in (Person(alice), api)),
        Person(alice).delete("/api/memberships/me"),
    ]

    assert [code_of(answer) for answer in answers] == [(409, "last_owner")] * 7
    assert snapshot()["accounts.Membership"] == before["accounts.Membership"]
    assert Person(alice).patch(path, {"role": "owner", "domain_id": None}).status_code == 200


def test_one_of_two_owners_may_go(alice: User, organization: Organization) -> None:
    olga = make_member("olga", organization)

    answers = [Person(alice).delete(membership_path(alice)), Person(olga).delete(membership_path(olga))]

    assert [answer.status_code for answer in answers] == [204, 409]
    assert (place_of(alice), place_of(olga)) == (None, ("owner", None))


def test_owners_who_cannot_act_do_not_count(alice: User, organization: Organization, domain: Domain) -> None:
    make_member("olga", organization, domain=domain)
    User.objects.filter(pk=make_member("oscar", organization).pk).update(is_active=False)
    own_role(organization, "boss", *Role.objects.get(slug="owner").permissions)

    refused = Person(alice).patch(membership_path(alice), {"role": "boss"})

    assert code_of(refused) == (409, "last_owner")
    assert place_of(alice) == ("owner", None)


def test_owners_of_other_organizations_do_not_count(alice: User, charlie: User) -> None:
    assert code_of(Person(alice).delete(membership_path(alice))) == (409, "last_owner")


def test_the_service_gives_no_more_than_its_actor_holds(adam: Person, organization: Organization) -> None:
    eve = User.objects.create_user("eve")
    actor = MemberActor(organization.pk, adam.user.pk, "adam", permissions=BUILT_IN_ROLES["admin"].permissions)

    with pytest.raises(GrantsTooMuch):
        add_membership(actor=actor, user=eve, role="owner")

    assert place_of(eve) is None
    assert add_membership(actor=actor, user=eve, role="admin").role.slug == "admin"
