"""Who may come in: keys, sessions, organizations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, Membership, Organization, User
from accounts.services import create_api_key, create_organization, revoke_api_key
from tests.api.conftest import REQUIRED
from tests.api.problems import problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import join

PASSWORD = "correct horse battery"


@pytest.fixture
def key(organization: Organization) -> ApiKey:
    return create_api_key(organization=organization, name="to be refused")[0]


def test_a_key_opens_its_organization(api: ApiClient) -> None:
    assert api.post("/api/threads", REQUIRED).status_code == 201


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_is_written_in_any_case(organization: Organization, scheme: str) -> None:
    text = create_api_key(organization=organization, name="k")[1]

    assert ApiClient(None).get("/api/threads", authorization=f"{scheme} {text}").status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer {key} ",
        "Bearer  {key}",
        "Bearer {key} {key}",
        "Bearer {key}x",
        "Bearer {prefix}",
        "Bearer \u00e9",
        "Bearer a%00b",
        "Bearer " + "a" * 30_000,
        "Basic YTpi",
        "Token {key}",
        "{key}",
        "",
    ],
)
def test_what_is_no_key_is_a_401(organization: Organization, header: str) -> None:
    text = create_api_key(organization=organization, name="k")[1]
    before = snapshot()
    given = header.format(key=text, prefix=text[:19])

    response = ApiClient(None).post("/api/threads", REQUIRED, authorization=given)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="Parley"'
    problem_of(response)
    assert snapshot() == before


def wrong_keys(text: str) -> dict[str, str]:
    prefix, secret = text.rsplit("_", 1) if text.count("_") == 2 else (text[:19], text[20:])
    return {
        "unknown prefix": f"parley_aaaaaaaaaaaa_{secret}",
        "wrong secret": f"{prefix}_{'A' * 43}",
        "first letter of the secret": f"{prefix}_{'A' if secret[0] != 'A' else 'B'}{secret[1:]}",
    }


def test_every_kind_of_wrong_key_gets_the_same_answer(organization: Organization, key: ApiKey) -> None:
    text = create_api_key(organization=organization, name="k")[1]
    refused = ApiClient(None).get("/api/threads", authorization="Bearer x")

    answers = {name: ApiClient(wrong).get("/api/threads") for name, wrong in wrong_keys(text).items()}

    assert {name: (answer.status_code, answer.content) for name, answer in answers.items()} == dict.fromkeys(
        answers, (401, refused.content)
    )


def test_a_revoked_key_is_refused_at_once(organization: Organization) -> None:
    key, text = create_api_key(organization=organization, name="k")
    client = ApiClient(text)
    first = client.get("/api/threads").status_code

    revoke_api_key(key=key)

    assert (first, client.get("/api/threads").status_code) == (200, 401)


@pytest.mark.parametrize(("seconds", "status"), [(-1, 401), (60, 200)])
def test_an_expired_key_is_refused(organization: Organization, seconds: int, status: int) -> None:
    expires_at = timezone.now() + timedelta(seconds=seconds)
    text = create_api_key(organization=organization, name="k", expires_at=expires_at)[1]

    assert ApiClient(text).get("/api/threads").status_code == status


def test_a_suspended_organization_lets_nobody_in(api: ApiClient, browser: Client, organization: Organization) -> None:
    Organization.objects.filter(pk=organization.pk).update(suspended_at=timezone.now())
    before = snapshot()

    by_key = api.post("/api/threads", REQUIRED)
    by_session = browser.post("/api/threads", REQUIRED, content_type="application/json")

    assert (by_key.status_code, by_session.status_code) == (401, 403)
    assert snapshot() == before


def test_a_key_signed_with_a_former_pepper_is_taken_while_that_is_there(
    organization: Organization, settings: Any
) -> None:
    old, new = ("an old pepper that is long enough to be one", "a new pepper that is long enough to be one")
    settings.API_KEY_PEPPERS = [old]
    used, unused = (create_api_key(organization=organization, name=name)[1] for name in ("used", "unused"))

    settings.API_KEY_PEPPERS = [new, old]
    rotated = ApiClient(used).get("/api/threads").status_code
    settings.API_KEY_PEPPERS = [new]

    answers = [ApiClient(text).get("/api/threads").status_code for text in (used, unused)]
    assert (rotated, answers) == (200, [200, 401])


def test_checking_a_key_again_writes_nothing(api: ApiClient) -> None:
    api.get("/api/threads")
    before = snapshot()

    api.get("/api/threads")

    assert snapshot() == before


def test_a_member_who_logged_in_may_read_and_write(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.login(username="alice", password=PASSWORD)
    page = client.get("/api/threads", headers={"accept": "text/html"})
    token = client.cookies["csrftoken"].value

    response = client.post("/api/threads", REQUIRED, content_type="application/json", headers={"x-csrftoken": token})

    assert (page.status_code, response.status_code) == (200, 201)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_change_without_csrf_token_is_a_403(alice: User, api: ApiClient, thread_id: str, method: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    path = "/api/threads" if method == "post" else f"/api/threads/{thread_id}"
    before = snapshot()

    response = getattr(client, method)(path, REQUIRED, content_type="application/json", headers={"if-match": "*"})

    assert response.status_code == 403
    assert problem_of(response)["code"] == "permission_denied"
    assert snapshot() == before


def test_a_key_needs_no_csrf_token(organization: Organization) -> None:
    text = create_api_key(organization=organization, name="k")[1]
    client = Client(enforce_csrf_checks=True)

    response = client.post(
        "/api/threads", REQUIRED, content_type="application/json", headers={"authorization": f"Bearer {text}"}
    )

    assert response.status_code == 201


def test_a_wrong_key_is_refused_even_beside_a_session(browser: Client) -> None:
    response = browser.get("/api/threads", headers={"authorization": "Bearer wrong"})

    assert response.status_code == 401


def test_a_key_goes_before_a_session(browser: Client, stranger: ApiClient, api: ApiClient) -> None:
    api.post("/api/threads", {**REQUIRED, "title": "acme's"})
    stranger.post("/api/threads", {**REQUIRED, "title": "rival's"})

    page = browser.get("/api/threads", headers={"authorization": f"Bearer {stranger.key}"}).json()

    assert [row["title"] for row in page["results"]] == ["rival's"]


@pytest.fixture
def two_organizations(alice: User, organization: Organization) -> Organization:
    """Alice's second organization."""
    second = create_organization(slug="second", name="Second")
    join(alice, second)
    return second


def test_a_member_of_two_organizations_names_one(browser: Client, two_organizations: Organization) -> None:
    for slug in ("acme", "second"):
        browser.post(
            "/api/threads",
            {**REQUIRED, "title": f"in {slug}"},
            content_type="application/json",
            headers={"parley-organization": slug},
        )

    titles = {
        slug: [
            row["title"] for row in browser.get("/api/threads", headers={"parley-organization": slug}).json()["results"]
        ]
        for slug in ("acme", "second")
    }

    assert titles == {"acme": ["in acme"], "second": ["in second"]}


def test_a_member_of_two_organizations_who_names_none_is_told(browser: Client, two_organizations: Organization) -> None:
    response = browser.get("/api/threads")

    assert response.status_code == 403
    assert problem_of(response)["detail"] == (
        "You belong to several organizations; name one in the header Parley-Organization: acme, second."
    )


@pytest.mark.parametrize("slug", ["rival", "nobody", "", "ACME", "a" * 1000, "\u00fc", "a\x00b", "a b"])
def test_an_organization_that_is_not_mine_is_a_403(
    browser: Client, other_organization: Organization, slug: str
) -> None:
    response = browser.get("/api/threads", headers={"parley-organization": slug})

    assert response.status_code == 403
    problem_of(response)


def test_a_suspended_organization_does_not_count(browser: Client, two_organizations: Organization) -> None:
    Organization.objects.filter(pk=two_organizations.pk).update(suspended_at=timezone.now())

    assert browser.get("/api/threads").status_code == 200
    assert browser.get("/api/threads", headers={"parley-organization": "second"}).status_code == 403


def test_a_person_without_organization_is_a_403(db: None) -> None:
    client = Client()
    client.force_login(User.objects.create_user("nobody"))

    response = client.get("/api/threads")

    assert response.status_code == 403
    problem_of(response)


def test_a_person_who_was_deactivated_is_a_401(browser: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert browser.get("/api/threads").status_code == 401


def test_a_member_who_left_is_a_403(browser: Client, alice: User) -> None:
    Membership.objects.filter(user=alice).delete()

    assert browser.get("/api/threads").status_code == 403


def test_threads_remember_who_made_them(browser: Client, api: ApiClient, alice: User) -> None:
    from conversations.models import Thread

    browser.post("/api/threads", {**REQUIRED, "title": "alice"}, content_type="application/json")
    api.post("/api/threads", {**REQUIRED, "title": "key"})

    assert dict(Thread.objects.values_list("title", "created_by_id")) == {"alice": alice.pk, "key": None}
