"""Memberships over the API: who is shown, changed, removed."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey, Domain, Membership, Organization, User
from accounts.services import create_api_key
from tests.accounts.people import Person, membership_path, own_role, place_of
from tests.accounts.trail import last_number, trail_of
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import join, make_member


@pytest.fixture
def domain(organization: Organization) -> Domain:
    return Domain.objects.create(organization=organization, name="Retail", slug="retail")


def test_membership_has_exactly_these_members(api: ApiClient, bob: User, domain: Domain) -> None:
    User.objects.filter(pk=bob.pk).update(first_name="Bob", last_name="Builder")
    Membership.objects.filter(user=bob).update(domain=domain)

    response = api.get(membership_path(bob))

    membership = response.json()
    assert response["ETag"] == '"v1"'
    assert {name: value for name, value in membership.items() if name not in ("id", "created_at", "updated_at")} == {
        "user": {
            "id": str(bob.pk),
            "username": "bob",
            "email": "bob@example.org",
            "first_name": "Bob",
            "last_name": "Builder",
        },
        "role": "member",
        "domain_id": str(domain.pk),
        "version": 1,
    }


def test_memberships_are_listed_newest_first(
    api: ApiClient, alice: User, bob: User, charlie: User, domain: Domain
) -> None:
    make_member("dora", Organization.objects.get(slug="acme"), domain=domain)

    queries = ("", "?role=owner", f"?domain_id={domain.pk}", f"?user_id={bob.pk}", f"?user_id={charlie.pk}")
    pages = [api.get(f"/api/memberships{query}").json()["results"] for query in queries]

    assert [[row["user"]["username"] for row in rows] for rows in pages] == [
        ["dora", "bob", "alice"],
        ["dora", "alice"],
        ["dora"],
        ["bob"],
        [],
    ]


def test_membership_list_costs_the_same_at_any_length(api: ApiClient, organization: Organization) -> None:
    counts = []
    api.get("/api/memberships")  # stamps the key's use of this minute
    for number in range(3):
        make_member(f"person-{number}", organization)
        with CaptureQueriesContext(connection) as captured:
            page = api.get("/api/memberships").json()
        counts.append((len(captured), len(page["results"])))

    assert counts == [(2, 1), (2, 2), (2, 3)]


def test_memberships_are_not_created_directly(api: ApiClient, charlie: User) -> None:
    before = snapshot()

    response = api.post("/api/memberships", {"user": {"id": str(charlie.pk)}, "role": "member"})

    assert response.status_code == 405
    assert snapshot() == before


def test_membership_of_another_organization_is_not_there(stranger: ApiClient, api: ApiClient, bob: User) -> None:
    path, before = membership_path(bob), snapshot()

    for method, body in (("GET", None), ("PATCH", {"role": "viewer"}), ("DELETE", None)):
        theirs, nobodys = (stranger.send(method, each, body) for each in (path, f"/api/memberships/{uuid.uuid4()}"))
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)

    assert stranger.get("/api/memberships").json()["results"] == []
    assert snapshot() == before
    assert api.get(path).status_code == 200


def test_role_and_domain_are_changed_from_the_next_request_on(alice: User, bob: User, domain: Domain) -> None:
    person, path = Person(bob), membership_path(bob)
    before = person.post("/api/agents", {"name": "Ada"}).status_code

    raised = Person(alice).patch(path, {"role": "developer"}, if_match='"v1"')
    after = person.post("/api/agents", {"name": "Ada"}).status_code
    narrowed = Person(alice).patch(path, {"domain_id": str(domain.pk)}, if_match='"v2"')

    assert (raised.status_code, narrowed.status_code, narrowed["ETag"]) == (200, 200, '"v3"')
    assert (before, after) == (403, 201)
    assert place_of(bob) == ("developer", "retail")
    assert person.get("/api/agents").json()["results"] == []


def test_stale_change_is_refused(alice: User, bob: User) -> None:
    answers = [
        Person(alice).send(method, membership_path(bob), body, if_match='"v4"')
        for method, body in (("PATCH", {"role": "viewer"}), ("DELETE", None))
    ]

    assert [answer.status_code for answer in answers] == [412, 412]
    assert place_of(bob) == ("member", None)


@pytest.mark.parametrize("member", ["id", "user", "version", "organization"])
def test_other_members_are_the_servers(api: ApiClient, bob: User, member: str) -> None:
    response = api.patch(membership_path(bob), {member: str(uuid.uuid4())})

    assert (response.status_code, fields_at_fault(response)) == (400, [member])


def test_unknown_roles_and_domains_answer_like_those_of_others(
    api: ApiClient, bob: User, other_organization: Organization
) -> None:
    own_role(other_organization, "theirs", "thread.read")
    domain = Domain.objects.create(organization=other_organization, name="Theirs", slug="theirs")
    before = snapshot()

    path = membership_path(bob)
    roles = [api.patch(path, {"role": slug}) for slug in ("theirs", "nobodys")]
    domains = [api.patch(path, {"domain_id": str(pk)}) for pk in (domain.pk, uuid.uuid4())]

    assert [problem_of(answer)["errors"] for answer in roles] == [{"role": ["There is no such role."]}] * 2
    assert [problem_of(answer)["errors"] for answer in domains] == [{"domain_id": ["There is no such domain."]}] * 2
    assert (roles[0].content, domains[0].content) == (roles[1].content, domains[1].content)
    assert snapshot() == before


def test_viewer_changes_and_removes_nobody(organization: Organization, alice: User, bob: User) -> None:
    viewer = Person(make_member("victor", organization, role="viewer"))
    before = snapshot()

    answers = [
        viewer.get("/api/memberships"),
        viewer.get(membership_path(bob)),
        viewer.patch(membership_path(bob), {"role": "viewer"}),
        viewer.patch(membership_path(viewer.user), {"role": "owner"}),
        viewer.delete(membership_path(bob)),
        viewer.delete(f"/api/memberships/{uuid.uuid4()}"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert answers[4].content == answers[5].content
    assert snapshot() == before


def test_removed_person_gets_in_no_more(organization: Organization, alice: User, bob: User) -> None:
    person = Person(bob)
    key = ApiClient(create_api_key(organization=organization, name="bob's", user=bob)[1])
    service = ApiClient(create_api_key(organization=organization, name="service")[1])
    before = [client.get("/api/threads").status_code for client in (person, key, service)]

    removed = Person(alice).delete(membership_path(bob))

    after = [client.get("/api/threads").status_code for client in (person, key, service)]
    assert (before, removed.status_code, after) == ([200, 200, 200], 204, [403, 401, 200])
    assert place_of(bob) is None


def test_personal_key_stays_shut_when_its_owner_joins_again(
    organization: Organization, other_organization: Organization, alice: User, bob: User
) -> None:
    join(bob, other_organization)
    keys = {
        slug: ApiClient(create_api_key(organization=place, name="bob's", user=bob)[1])
        for slug, place in (("acme", organization), ("rival", other_organization))
    }
    path = f"/api/memberships/{Membership.objects.get(user=bob, organization=organization).pk}"

    Person(alice).delete(path)
    join(bob, organization)

    assert {slug: key.get("/api/threads").status_code for slug, key in keys.items()} == {"acme": 401, "rival": 200}
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_everybody_sees_and_ends_their_own_membership(organization: Organization, alice: User, domain: Domain) -> None:
    for number, narrowed in enumerate((None, domain)):
        person = Person(make_member(f"victor-{number}", organization, role="viewer", domain=narrowed))
        path = membership_path(person.user)

        shown = [person.get(each) for each in (path, "/api/memberships/me")]
        left = person.delete(path if number else "/api/memberships/me")

        assert [answer.status_code for answer in (*shown, left)] == [200, 200, 204]
        assert shown[0].content == shown[1].content
        assert place_of(person.user) is None


def test_personal_key_does_not_end_its_owners_membership(organization: Organization, alice: User, bob: User) -> None:
    key = ApiClient(create_api_key(organization=organization, name="bob's", user=bob)[1])

    answers = [key.delete(path) for path in (membership_path(bob), "/api/memberships/me")]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert place_of(bob) == ("member", None)


def test_service_key_is_nobody(api: ApiClient, alice: User) -> None:
    assert [api.send(method, "/api/memberships/me").status_code for method in ("GET", "DELETE")] == [404, 404]


def test_changes_of_memberships_are_in_the_audit_trail(
    organization: Organization, alice: User, bob: User, domain: Domain
) -> None:
    person, start, path = Person(alice), last_number(organization.pk), membership_path(bob)
    key, _text = create_api_key(organization=organization, name="bob's", user=bob)

    person.patch(path, {"role": "viewer", "domain_id": str(domain.pk)})
    person.delete(path)

    moment = ApiKey.objects.get(pk=key.pk).revoked_at
    assert moment is not None
    assert trail_of(organization.pk, since=start + 1) == [
        {
            "action": "membership.updated",
            "actor": "user alice",
            "subject": "membership bob",
            "before": {"role": "member", "domain_id": None},
            "after": {"role": "viewer", "domain_id": str(domain.pk)},
        },
        {
            "action": "key.revoked",
            "actor": "user alice",
            "subject": f"api_key {key}",
            "before": None,
            "after": {"revoked_at": f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"},
        },
        {
            "action": "membership.deleted",
            "actor": "user alice",
            "subject": "membership bob",
            "before": {"user_id": str(bob.pk), "role": "viewer", "domain_id": str(domain.pk)},
            "after": None,
        },
    ]
