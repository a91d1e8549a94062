"""Integrations over the API: what they hold, how their secrets are set, and what is refused."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import ApiKey
from accounts.permissions import ORGANIZATION_PERMISSIONS
from agents_app.models import IntegrationConfig
from core.secrets import known_key_ids
from tests.api.conftest import make_through
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.integrations.conftest import CANARY, FIRST_KEY, Make

PATH = "/api/integrations"
BODY = {"name": "OpenAI", "kind": "openai"}


@pytest.fixture(autouse=True)
def used_key(api: ApiClient) -> None:
    """The first use of a key is stamped on it; the tests compare what is stored afterwards."""
    api.get(PATH)


def create(api: ApiClient, **fields: Any) -> dict[str, Any]:
    return make_through(api, PATH, {**BODY, **fields})


def stored_secrets(pk: str) -> dict[str, str]:
    return dict(IntegrationConfig.objects.get(pk=pk).open_secrets())


def test_integration_has_exactly_these_members(api: ApiClient) -> None:
    made = create(api)

    assert {name: value for name, value in made.items() if name not in ("id", "created_at", "updated_at")} == {
        "name": "OpenAI",
        "slug": "openai",
        "kind": "openai",
        "base_url": "",
        "settings": {},
        "secret_names": [],
        "is_active": True,
        "last_tested_at": None,
        "last_test_status": "",
        "last_test_detail": "",
        "version": 1,
        "trashed_at": None,
    }
    assert api.get(f"{PATH}/{made['id']}").json() == made


def test_integration_keeps_what_was_sent(api: ApiClient) -> None:
    sent = {
        "id": str(uuid.uuid4()),
        "name": " Models ",
        "slug": "models_1",
        "kind": "openai_compatible",
        "base_url": "https://models.example.org/v1?api-version=2026-01-01",
        "settings": {"max_tokens": 5, "headers": {"X-Region": "eu"}, "stop": [None]},
        "is_active": False,
    }

    made = create(api, **sent, secrets={"api_key": CANARY, "org.id": "o"})

    read = api.get(f"{PATH}/{made['id']}").json()
    assert {name: read[name] for name in sent} == sent
    assert read["secret_names"] == ["api_key", "org.id"]
    assert stored_secrets(made["id"]) == {"api_key": CANARY, "org.id": "o"}


def test_secrets_are_stored_under_the_first_key_as_a_ciphertext(api: ApiClient) -> None:
    row = IntegrationConfig.objects.get(pk=create(api, secrets={"api_key": CANARY})["id"])

    assert row.secrets_key_id == known_key_ids()[0]
    assert row.secrets.startswith("gAAAA")
    assert CANARY not in row.secrets


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"api_key": "a", "url": "https://example.org/x"}),
        ({"api_key": "b"}, {"api_key": "b", "url": "https://example.org/x"}),
        ({"token": "t"}, {"api_key": "a", "token": "t", "url": "https://example.org/x"}),
        ({"url": None}, {"api_key": "a"}),
        ({"url": None, "never": None, "token": "t"}, {"api_key": "a", "token": "t"}),
        ({"url": None, "api_key": None}, {}),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_change_of_secrets_touches_those_it_names(
    api: ApiClient, method: str, change: dict[str, Any], expected: dict[str, str]
) -> None:
    made = create(api, secrets={"api_key": "a", "url": "https://example.org/x"})
    body = {"secrets": change} if method == "PATCH" else {**BODY, "secrets": change}

    response = api.send(method, f"{PATH}/{made['id']}", body, if_match='"v1"')

    assert (response.status_code, response["ETag"]) == (200, '"v2"')
    assert response.json()["secret_names"] == sorted(expected)
    assert stored_secrets(made["id"]) == expected
    row = IntegrationConfig.objects.get(pk=made["id"])
    assert bool(row.secrets) == bool(row.secrets_key_id) == bool(expected)


def test_a_replacement_without_secrets_leaves_them(api: ApiClient) -> None:
    made = create(api, secrets={"api_key": CANARY})

    response = api.put(f"{PATH}/{made['id']}", {**BODY, "name": "Other"}, if_match='"v1"')

    assert response.json()["name"] == "Other"
    assert stored_secrets(made["id"]) == {"api_key": CANARY}


def test_a_stale_version_changes_no_secret(api: ApiClient) -> None:
    made = create(api, secrets={"api_key": CANARY})
    before = snapshot()

    response = api.patch(f"{PATH}/{made['id']}", {"secrets": {"api_key": "new"}}, if_match='"v7"')

    assert (response.status_code, response["ETag"]) == (412, '"v1"')
    assert snapshot() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("secrets", CANARY),
        ("secrets", [CANARY]),
        ("secrets", {"api_key": {"value": CANARY}}),
        ("secrets", {"api_key": [CANARY]}),
        ("secrets", {"api_key": 7}),
        ("secrets", {"api_key": ""}),
        ("secrets", {"api_key": "  "}),
        ("secrets", {"api_key": CANARY * 1000}),
        ("secrets", {CANARY + " ": "x"}),
        ("secrets", {"": CANARY}),
        ("secrets", {"a" * 101: CANARY}),
        ("secrets", {f"n{index}": CANARY for index in range(51)}),
        ("secrets", {f"n{index}": "x" * 16_384 for index in range(5)}),
        ("secrets", {"url": f"http://127.0.0.1/{CANARY}"}),
        ("secrets", {"url": CANARY}),
        ("settings", {"api_key": CANARY}),
        ("settings", {"headers": [{"X-Auth-Token": CANARY}]}),
        ("settings", CANARY),
        ("settings", {"text": CANARY * 4000}),
        ("base_url", f"https://example.org/?access_token={CANARY}"),
        ("base_url", f"https://example.org/?KEY={CANARY}"),
        ("base_url", f"https://example.org/#{CANARY}"),
        ("base_url", f"https://user:{CANARY}@example.org/"),
        ("base_url", f"https://10.0.0.1/{CANARY}"),
        ("base_url", f"{CANARY}://example.org"),
        ("base_url", [CANARY]),
        ("kind", ""),
        ("kind", "k" * 51),
        ("kind", [CANARY]),
        ("is_active", CANARY),
        ("name", " "),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_cannot_be_kept_is_refused_without_repeating_it(
    api: ApiClient, method: str, field: str, value: Any
) -> None:
    made = create(api, secrets={"kept": "k"})
    before = snapshot()

    if method == "POST":
        response = api.post(PATH, {**BODY, field: value})
    else:
        response = api.patch(f"{PATH}/{made['id']}", {field: value})

    assert response.status_code == 400
    assert {name.partition(".")[0] for name in fields_at_fault(response)} == {field}
    assert CANARY not in response.content.decode()
    assert snapshot() == before


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "apiKey", "API-KEY", "X-Api-Key", "apikey", "token", "access_token", "authToken", "bot-token"),
        *("password", "dbPassword", "secret", "client_secret", "Authorization", "basic_auth", "private_key"),
        *("aws_access_key_id", "credentials", "passphrase", "cookie", "signingKey"),
    ],
)
def test_a_setting_with_the_name_of_a_secret_is_sent_where_secrets_go(api: ApiClient, name: str) -> None:
    before = snapshot()

    response = api.post(PATH, {**BODY, "settings": {"outer": [{name: "x"}]}})

    message = "Settings are shown to everybody who may see the integration: put this into `secrets`."
    assert problem_of(response)["errors"] == {f"settings.{name}": [message]}
    assert snapshot() == before


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "maxTokens", "stop_token", "eos_token", "token_limit", "tokens", "temperature", "keyboard"),
        *("author", "key", "authority", "monkey", "oauth_url"),
    ],
)
def test_a_setting_of_another_name_is_kept(api: ApiClient, name: str) -> None:
    assert create(api, settings={name: "x"})["settings"] == {name: "x"}


def test_secrets_added_one_by_one_meet_the_same_limit(api: ApiClient) -> None:
    made = create(api, secrets={f"n{index}": "x" for index in range(50)})
    before = snapshot()

    response = api.patch(f"{PATH}/{made['id']}", {"secrets": {"more": "x"}})

    assert response.status_code == 400
    assert fields_at_fault(response) == ["secrets"]
    assert snapshot() == before


def test_a_slug_is_unique_outside_the_trash(api: ApiClient, stranger: ApiClient) -> None:
    first = create(api, slug="hook")
    create(stranger, slug="hook")
    before = snapshot()
    assert api.post(PATH, {**BODY, "slug": "hook"}).status_code == 409
    assert snapshot() == before

    api.delete(f"{PATH}/{first['id']}")
    second = create(api, slug="hook")

    response = api.post(f"{PATH}/{first['id']}/restore")
    assert (response.status_code, problem_of(response)["code"]) == (409, "integration_exists")
    api.delete(f"{PATH}/{second['id']}")
    assert api.post(f"{PATH}/{first['id']}/restore").status_code == 200


def test_an_integration_comes_back_with_its_secrets(api: ApiClient) -> None:
    made = create(api, secrets={"api_key": CANARY})
    api.delete(f"{PATH}/{made['id']}")
    assert api.get(f"{PATH}/{made['id']}").status_code == 404
    assert api.post(f"{PATH}/{made['id']}/test").status_code == 404

    restored = api.post(f"{PATH}/{made['id']}/restore").json()

    assert restored["secret_names"] == ["api_key"]
    assert stored_secrets(made["id"]) == {"api_key": CANARY}


def test_the_list_is_narrowed_by_kind_and_slug(api: ApiClient) -> None:
    create(api)
    create(api, kind="webhook", slug="hook")

    found = {
        query: [row["slug"] for row in api.get(f"{PATH}?{query}").json()["results"]]
        for query in ("kind=webhook", "slug=openai", "kind=none", "trashed=true")
    }

    assert found == {"kind=webhook": ["hook"], "slug=openai": ["openai"], "kind=none": [], "trashed=true": []}


@pytest.mark.parametrize("method", ["GET", "LIST", "CREATE", "PATCH", "DELETE", "RESTORE", "TEST"])
def test_a_lost_key_stops_only_what_needs_it(api: ApiClient, make: Make, settings: Settings, method: str) -> None:
    row = make(slug="old", secrets={"api_key": CANARY, "other": "x"})
    lost = row.secrets_key_id
    settings.SECRETS_KEYS = [FIRST_KEY]
    address = f"{PATH}/{row.pk}"
    requests: dict[str, tuple[Any, ...]] = {
        "GET": ("GET", address),
        "LIST": ("GET", PATH),
        "CREATE": ("POST", PATH, {**BODY, "slug": "new", "secrets": {"api_key": "n"}}),
        "PATCH": ("PATCH", address, {"secrets": {"api_key": "n"}}),
        "DELETE": ("DELETE", address),
        "RESTORE": ("POST", f"{address}/restore"),
        "TEST": ("POST", f"{address}/test"),
    }
    if method == "RESTORE":
        api.delete(address)
    before = snapshot()

    response = api.send(*requests[method])

    if method in ("PATCH", "TEST"):
        problem = problem_of(response)
        assert (response.status_code, problem["code"]) == (503, "secrets_unreadable")
        assert problem["detail"] == f"They need the key {lost}, which SECRETS_KEYS does not hold."
        assert snapshot() == before
    else:
        assert response.status_code in (200, 201, 204)


def test_replacing_every_secret_is_the_way_out_of_a_lost_key(api: ApiClient, make: Make, settings: Settings) -> None:
    row = make(secrets={"api_key": CANARY, "other": "x"})
    settings.SECRETS_KEYS = [FIRST_KEY]

    response = api.patch(f"{PATH}/{row.pk}", {"secrets": {"api_key": "new", "other": None}})

    assert response.status_code == 200
    assert stored_secrets(str(row.pk)) == {"api_key": "new"}


def test_a_ciphertext_copied_to_another_row_is_refused(api: ApiClient, make: Make) -> None:
    row, other = make(slug="a"), make(slug="b")
    IntegrationConfig.objects.filter(pk=other.pk).update(secrets=row.secrets)

    response = api.post(f"{PATH}/{other.pk}/test")

    assert response.status_code == 503
    assert problem_of(response)["detail"] == "The ciphertext was made for another row."


@pytest.mark.parametrize(
    ("method", "suffix", "body", "code"),
    [
        ("GET", "", None, "integration.read"),
        ("PATCH", "", {"name": "x"}, "integration.update"),
        ("DELETE", "", None, "integration.delete"),
        ("POST", "/test", None, "integration.test"),
    ],
)
def test_every_act_asks_for_its_own_permission(
    api: ApiClient, make: Make, method: str, suffix: str, body: Any, code: str
) -> None:
    address = f"{PATH}/{make().pk}{suffix}"
    others = sorted(ORGANIZATION_PERMISSIONS - {code})
    ApiKey.objects.update(permissions=others)
    api.get(PATH)
    before = snapshot()

    denied = api.send(method, address, body)
    unchanged = snapshot() == before
    ApiKey.objects.update(permissions=[*others, code])
    allowed = api.send(method, address, body)

    assert (denied.status_code, unchanged) == (403, True)
    assert allowed.status_code in (200, 204)
