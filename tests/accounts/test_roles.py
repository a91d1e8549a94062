"""Roles over the API: the built-in ones, and the organization's own."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Invitation, Membership, Organization, Role, User
from accounts.permissions import PERMISSIONS, PLATFORM_PERMISSIONS
from accounts.roles import BUILT_IN_ROLES
from accounts.services import create_api_key
from tests.accounts.people import Person, own_role
from tests.accounts.trail import last_number, trail_of
from tests.api.problems import problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import join, make_member

DESK = {"name": "Front desk", "permissions": ["thread.read", "agent.read"]}


def test_role_has_exactly_these_members(api: ApiClient) -> None:
    response = api.post("/api/roles", {**DESK, "description": "Answers the phone."})

    role = response.json()
    moments = ("id", "created_at", "updated_at")
    assert response.status_code == 201
    assert response["ETag"] == '"v1"'
    assert {name: value for name, value in role.items() if name not in moments} == {
        "name": "Front desk",
        "slug": "front-desk",
        "description": "Answers the phone.",
        "permissions": ["agent.read", "thread.read"],
        "is_built_in": False,
        "version": 1,
    }
    assert api.get(f"/api/roles/{role['id']}").json() == role


def test_roles_are_listed_built_in_and_own(api: ApiClient, organization: Organization) -> None:
    own_role(organization, "desk", "thread.read")

    slugs = {query: [row["slug"] for row in api.get(f"/api/roles{query}").json()["results"]] for query in QUERIES}

    built_in = sorted(BUILT_IN_ROLES)
    assert {query: sorted(found) for query, found in slugs.items()} == {
        "": sorted([*built_in, "desk"]),
        "?is_built_in=true": built_in,
        "?is_built_in=false": ["desk"],
        "?slug=viewer": ["viewer"],
        "?slug=nobody": [],
    }


QUERIES = ("", "?is_built_in=true", "?is_built_in=false", "?slug=viewer", "?slug=nobody")


def test_roles_of_another_organization_are_not_there(
    api: ApiClient, stranger: ApiClient, organization: Organization
) -> None:
    role = own_role(organization, "desk", "thread.read")
    before = snapshot()

    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("PUT", DESK), ("DELETE", None)):
        theirs, nobodys = (
            stranger.send(method, f"/api/roles/{pk}", body, if_match="*") for pk in (role.pk, uuid.uuid4())
        )
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)
    listed = [row["slug"] for row in stranger.get("/api/roles?is_built_in=false").json()["results"]]

    assert listed == []
    assert snapshot() == before
    assert api.get(f"/api/roles/{role.pk}").status_code == 200


def test_role_is_changed_for_everybody_who_has_it(organization: Organization, alice: User, bob: User) -> None:
    role = own_role(organization, "desk", "agent.read")
    Membership.objects.filter(user=bob).update(role=role)
    before = Person(bob).get("/api/threads").status_code

    changed = Person(alice).patch(f"/api/roles/{role.pk}", {"permissions": ["agent.read", "thread.read"]})

    assert (before, changed.status_code, changed["ETag"]) == (403, 200, '"v2"')
    assert Person(bob).get("/api/threads").status_code == 200


def test_role_is_replaced_as_a_whole(api: ApiClient, organization: Organization) -> None:
    role = own_role(organization, "desk", "agent.read")
    path = f"/api/roles/{role.pk}"

    unconditional = api.put(path, DESK)
    stale = api.put(path, DESK, if_match='"v7"')
    replaced = api.put(path, DESK, if_match='"v1"')

    assert [response.status_code for response in (unconditional, stale, replaced)] == [428, 412, 200]
    assert replaced.json()["permissions"] == ["agent.read", "thread.read"]
    assert replaced.json()["name"] == "Front desk"


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"name": "Mine"}), ("PUT", DESK), ("DELETE", None)])
def test_built_in_role_is_neither_changed_nor_deleted(api: ApiClient, method: str, body: object) -> None:
    role = Role.objects.built_in().get(slug="viewer")
    before = snapshot()

    response = api.send(method, f"/api/roles/{role.pk}", body, if_match="*")

    assert (response.status_code, problem_of(response)["code"]) == (409, "built_in_role")
    assert snapshot() == before


@pytest.mark.parametrize("slug", ["owner", "desk"])
def test_slug_of_a_role_is_taken_once(api: ApiClient, organization: Organization, slug: str) -> None:
    own_role(organization, "desk", "agent.read")
    other = own_role(organization, "phone", "agent.read")
    before = snapshot()

    made = api.post("/api/roles", {**DESK, "slug": slug})
    renamed = api.patch(f"/api/roles/{other.pk}", {"slug": slug})

    assert [problem_of(response)["code"] for response in (made, renamed)] == ["role_exists"] * 2
    assert snapshot() == before


@pytest.mark.parametrize(
    ("permissions", "errors"),
    [
        (["thread.read", "thread.frobnicate"], {"permissions.1": ["There is no permission 'thread.frobnicate'."]}),
        (
            ["organization.create"],
            {"permissions.0": ["organization.create belongs to platform administrators: no role holds it."]},
        ),
        (["thread.read", "thread.read"], {"permissions": ["Given twice: thread.read."]}),
        ([7], {"permissions.0": ["Not a valid string."]}),
        ("thread.read", {"permissions": ['Expected a list of items but got type "str".']}),
    ],
)
def test_permissions_of_a_role_come_from_the_catalogue(
    api: ApiClient, organization: Organization, permissions: object, errors: object
) -> None:
    role = own_role(organization, "desk", "agent.read")
    before = snapshot()

    answers = [
        api.post("/api/roles", {**DESK, "permissions": permissions}),
        api.patch(f"/api/roles/{role.pk}", {"permissions": permissions}),
    ]

    assert [response.status_code for response in answers] == [400, 400]
    assert [problem_of(response)["errors"] for response in answers] == [errors, errors]
    assert snapshot() == before


@pytest.fixture
def clerk(organization: Organization) -> Person:
    """Somebody who may make and change roles, and read agents, and nothing else."""
    role = own_role(organization, "clerk", "agent.read", "role.read", "role.create", "role.update", "role.delete")
    user = make_member("clara", organization)
    Membership.objects.filter(user=user).update(role=role)
    return Person(user)


def test_nobody_makes_a_role_that_holds_more_than_they_do(
    clerk: Person, organization: Organization, alice: User
) -> None:
    small, large = own_role(organization, "small", "agent.read"), own_role(organization, "large", "thread.read")
    own = Membership.objects.get(user=clerk.user).role
    before = snapshot()

    refused = [
        clerk.post("/api/roles", {"name": "Large", "permissions": ["agent.read", "thread.read"]}),
        clerk.patch(f"/api/roles/{small.pk}", {"permissions": ["agent.read", "key.create"]}),
        clerk.patch(f"/api/roles/{own.pk}", {"permissions": [*own.permissions, "key.create"]}),
        clerk.patch(f"/api/roles/{large.pk}", {"permissions": ["agent.read"]}),
        clerk.delete(f"/api/roles/{large.pk}"),
    ]

    assert [(answer.status_code, problem_of(answer)["code"]) for answer in refused] == [(403, "grants_too_much")] * 5
    assert problem_of(refused[1])["detail"] == "You do not hold key.create."
    assert snapshot() == before
    assert clerk.patch(f"/api/roles/{small.pk}", {"permissions": []}).status_code == 200


def test_a_narrowed_key_makes_no_role_that_holds_more(organization: Organization) -> None:
    narrowed = ["role.create", "agent.read"]
    key = ApiClient(create_api_key(organization=organization, name="narrow", permissions=narrowed)[1])

    answers = [key.post("/api/roles", {"name": "R", "permissions": codes}) for codes in (["thread.read"], narrowed)]

    assert [answer.status_code for answer in answers] == [403, 201]


def test_viewer_changes_no_role(organization: Organization) -> None:
    role = own_role(organization, "desk", "agent.read")
    viewer = Person(make_member("victor", organization, role="viewer"))
    before = snapshot()

    answers = [
        viewer.send(method, path, DESK, if_match="*")
        for method, path in (
            ("POST", "/api/roles"),
            ("PUT", f"/api/roles/{role.pk}"),
            ("PATCH", f"/api/roles/{role.pk}"),
        )
    ]
    answers.append(viewer.delete(f"/api/roles/{role.pk}"))

    assert [answer.status_code for answer in answers] == [403] * 4
    assert snapshot() == before
    assert viewer.get(f"/api/roles/{role.pk}").status_code == 200


def test_role_in_use_is_not_deleted(api: ApiClient, organization: Organization, alice: User) -> None:
    role = own_role(organization, "desk", "agent.read")
    for name in ("dora", "dave"):
        join(User.objects.create_user(name), organization)
    Membership.objects.exclude(user=alice).update(role=role)
    assert api.post("/api/invitations", {"email": "eve@example.org", "role": "desk"}).status_code == 201
    before = snapshot()

    response = api.delete(f"/api/roles/{role.pk}")

    assert (response.status_code, problem_of(response)["code"]) == (409, "role_in_use")
    assert problem_of(response)["detail"] == (
        "desk is the role of 2 members and 1 open invitation; give them another one first."
    )
    assert snapshot() == before


def test_role_that_nobody_has_is_deleted_with_the_invitations_that_are_over(
    api: ApiClient, organization: Organization
) -> None:
    role = own_role(organization, "desk", "agent.read")
    invitation = api.post("/api/invitations", {"email": "eve@example.org", "role": "desk"}).json()
    api.delete(f"/api/invitations/{invitation['id']}")

    assert api.delete(f"/api/roles/{role.pk}").status_code == 204
    assert not Role.objects.filter(pk=role.pk).exists()
    assert Invitation.objects.count() == 0


def test_changes_of_roles_are_in_the_audit_trail(organization: Organization, alice: User) -> None:
    person, start = Person(alice), last_number(organization.pk)

    path = "/api/roles/" + person.post("/api/roles", DESK).json()["id"]
    person.patch(path, {"name": "Desk", "permissions": ["agent.read"]})
    person.delete(path)

    created = {
        "name": "Front desk",
        "slug": "front-desk",
        "description": "",
        "permissions": sorted(DESK["permissions"]),
    }
    assert trail_of(organization.pk, since=start) == [
        {
            "action": "role.created",
            "actor": "user alice",
            "subject": "role Front desk",
            "before": None,
            "after": created,
        },
        {
            "action": "role.updated",
            "actor": "user alice",
            "subject": "role Desk",
            "before": {"name": "Front desk", "permissions": ["agent.read", "thread.read"]},
            "after": {"name": "Desk", "permissions": ["agent.read"]},
        },
        {
            "action": "role.deleted",
            "actor": "user alice",
            "subject": "role Desk",
            "before": {**created, "name": "Desk", "permissions": ["agent.read"]},
            "after": None,
        },
    ]


def test_catalogue_tells_what_the_caller_holds(organization: Organization) -> None:
    viewer = Person(make_member("victor", organization, role="viewer"))

    page = viewer.get("/api/permissions").json()

    held = BUILT_IN_ROLES["viewer"].permissions
    assert (page["next"], page["previous"]) == (None, None)
    assert page["results"] == [
        {"code": code, "description": text, "is_held": code in held} for code, text in PERMISSIONS.items()
    ]
    assert not PLATFORM_PERMISSIONS & held


def test_role_list_costs_the_same_at_any_length(api: ApiClient, organization: Organization) -> None:
    counts = []
    api.get("/api/roles")  # stamps the key's use of this minute
    for number in range(3):
        own_role(organization, f"desk-{number}", "agent.read")
        with CaptureQueriesContext(connection) as captured:
            page = api.get("/api/roles?is_built_in=false").json()
        counts.append((len(captured), len(page["results"])))

    assert counts == [(2, 1), (2, 2), (2, 3)]
