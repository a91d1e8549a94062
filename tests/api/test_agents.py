"""Agents: their persona, their slug, their defaults."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from tests.api.conftest import make_through
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient


def make(api: ApiClient, **fields: Any) -> dict[str, Any]:
    return make_through(api, "/api/agents", {"name": "Ada", **fields})


def test_agent_has_exactly_these_members(api: ApiClient) -> None:
    agent = make(api)

    assert {name: value for name, value in agent.items() if name not in ("id", "created_at", "updated_at")} == {
        "name": "Ada",
        "slug": "ada",
        "domain_id": None,
        "description": "",
        "instructions": "",
        "backstory": "",
        "personality_traits": [],
        "avatar_url": None,
        "agent_type": "chat",
        "provider": "",
        "model": "",
        "parameters": {},
        "tools": [],
        "metadata": {},
        "is_active": True,
        "version": 1,
        "trashed_at": None,
    }
    assert agent["created_at"] == agent["updated_at"]
    assert api.get(f"/api/agents/{agent['id']}").json() == agent


def test_agent_keeps_what_was_sent(api: ApiClient) -> None:
    sent = {
        "id": str(uuid.uuid4()),
        "name": "  Ada  ",
        "slug": "the-ada_1",
        "description": "d",
        "instructions": "line\nline\n",
        "backstory": " b ",
        "personality_traits": ["calm"],
        "avatar_url": "https://example.org/a.png?x=1#y",
        "agent_type": "coder",
        "provider": "openai",
        "model": "gpt-test",
        "parameters": {"temperature": 0.1, "big": 2**70},
        "tools": [{"name": "search", "schema": {"type": "object"}}],
        "metadata": {"a": None},
        "is_active": False,
    }

    agent = make(api, **sent)

    read = api.get(f"/api/agents/{agent['id']}").json()
    assert {name: read[name] for name in sent} == sent


def test_persona_has_exactly_six_members(api: ApiClient) -> None:
    agent = make(api, backstory="Born in a test.", personality_traits=["calm"], avatar_url="https://example.org/a.png")

    persona = api.get(f"/api/agents/{agent['id']}/persona").json()

    assert list(persona) == ["id", "name", "backstory", "personality_traits", "avatar_url", "created_at"]
    assert persona == {name: agent[name] for name in persona}


def test_persona_of_a_bare_agent_has_no_traits(api: ApiClient) -> None:
    agent = make(api)

    persona = api.get(f"/api/agents/{agent['id']}/persona").json()

    assert persona == {
        "id": agent["id"],
        "name": "Ada",
        "backstory": None,
        "personality_traits": [],
        "avatar_url": None,
        "created_at": agent["created_at"],
    }


@pytest.mark.parametrize(
    "traits",
    [["calm, but firm"], ["  spaces  "], ["calm", "calm"], ["b", "a"], ['quo"te', "ünï"], ["x" * 255] * 100],
)
def test_traits_are_kept_as_a_list(api: ApiClient, traits: list[str]) -> None:
    agent = make(api, personality_traits=traits)

    assert api.get(f"/api/agents/{agent['id']}/persona").json()["personality_traits"] == traits
    assert api.get(f"/api/agents/{agent['id']}").json()["personality_traits"] == traits


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Ada", "ada"),
        ("Ada Lovelace, Countess", "ada-lovelace-countess"),
        ("Ünïcode", "unicode"),
        ("漢字", "agent"),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_slug_is_made_from_the_name(api: ApiClient, name: str, slug: str) -> None:
    assert make(api, name=name)["slug"] == slug


def test_a_second_agent_of_the_same_name_gets_another_slug(api: ApiClient) -> None:
    slugs = [make(api, name="Ada")["slug"] for _ in range(3)]

    assert slugs[0] == "ada"
    assert all(re.fullmatch(r"ada-[0-9a-f]{12}", slug) for slug in slugs[1:])
    assert len(set(slugs)) == 3


@pytest.mark.parametrize("name", ["slug", "id"])
def test_a_slug_and_an_id_are_taken_once(api: ApiClient, name: str) -> None:
    first = make(api, slug="ada", id=str(uuid.uuid4()))
    before = snapshot()

    response = api.post("/api/agents", {"name": "Other", name: first[name]}, idempotency_key="another")

    assert response.status_code == 409
    assert problem_of(response)["code"] == "agent_exists"
    assert snapshot() == before


def test_a_slug_belongs_to_its_organization(api: ApiClient, stranger: ApiClient) -> None:
    make(api, slug="ada")

    assert make(stranger, slug="ada")["slug"] == "ada"


def test_a_slug_cannot_be_changed_to_one_that_is_taken(api: ApiClient) -> None:
    make(api, slug="ada")
    other = make(api, slug="bob")
    before = snapshot()

    response = api.patch(f"/api/agents/{other['id']}", {"slug": "ada"})

    assert response.status_code == 409
    assert snapshot() == before


def test_a_slug_is_free_again_when_its_agent_lies_in_the_trash(api: ApiClient) -> None:
    first = make(api, slug="ada")
    api.delete(f"/api/agents/{first['id']}")
    make(api, slug="ada")
    before = snapshot()

    restored = api.post(f"/api/agents/{first['id']}/restore")

    assert restored.status_code == 409
    assert problem_of(restored)["code"] == "agent_exists"
    assert snapshot() == before


@pytest.mark.parametrize(
    ("name", "value", "at_fault"),
    [
        ("name", "", "name"),
        ("name", "   ", "name"),
        ("name", None, "name"),
        ("name", "x" * 256, "name"),
        ("slug", "", "slug"),
        ("slug", "two words", "slug"),
        ("slug", "ümlaut", "slug"),
        ("slug", "x" * 81, "slug"),
        ("backstory", None, "backstory"),
        ("personality_traits", "calm,kind", "personality_traits"),
        ("personality_traits", ["x" * 256], "personality_traits.0"),
        ("personality_traits", ["calm", 1], "personality_traits.1"),
        ("personality_traits", ["calm", None], "personality_traits.1"),
        ("personality_traits", [" "], "personality_traits.0"),
        ("personality_traits", ["x"] * 101, "personality_traits"),
        ("personality_traits", None, "personality_traits"),
        ("avatar_url", "javascript:alert(1)", "avatar_url"),
        ("avatar_url", "https://user:password@example.org/", "avatar_url"),
        ("avatar_url", "https://" + "x" * 2050, "avatar_url"),
        ("avatar_url", 1, "avatar_url"),
        ("agent_type", "", "agent_type"),
        ("agent_type", "x" * 51, "agent_type"),
        ("parameters", None, "parameters"),
        ("tools", {}, "tools"),
        ("tools", [{}] * 1001, "tools"),
        ("is_active", "yes", "is_active"),
        ("is_active", 1, "is_active"),
        ("version", 3, "version"),
        ("organization_id", "x", "organization_id"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(api: ApiClient, name: str, value: Any, at_fault: str) -> None:
    before = snapshot()

    response = api.post("/api/agents", {"name": "Ada", name: value})

    assert response.status_code == 400
    assert fields_at_fault(response) == [at_fault]
    assert snapshot() == before


@pytest.mark.parametrize("value", [None, ""])
def test_an_avatar_can_be_taken_away(api: ApiClient, value: str | None) -> None:
    agent = make(api, avatar_url="https://example.org/a.png")

    changed = api.patch(f"/api/agents/{agent['id']}", {"avatar_url": value}).json()

    assert changed["avatar_url"] is None


def test_patch_changes_what_it_names(api: ApiClient) -> None:
    agent = make(api, backstory="old", personality_traits=["calm"])

    changed = api.patch(f"/api/agents/{agent['id']}", {"backstory": "new"}).json()

    assert changed == {**agent, "backstory": "new", "version": 2, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > agent["updated_at"]


def test_put_replaces_the_whole(api: ApiClient) -> None:
    agent = make(api, backstory="old", personality_traits=["calm"], parameters={"a": 1}, slug="ada")

    replaced = api.put(f"/api/agents/{agent['id']}", {"name": "Bob", "slug": "bob"}, if_match='"v1"').json()

    bare = make(api, name="Bob", slug="bob-2")
    ignored = ("id", "slug", "created_at", "updated_at", "version")
    assert {name: replaced[name] for name in replaced if name not in ignored} == {
        name: bare[name] for name in bare if name not in ignored
    }
    assert (replaced["slug"], replaced["version"]) == ("bob", 2)


def test_agents_come_by_last_change_and_are_filtered(api: ApiClient) -> None:
    for name, kind in (("One", "chat"), ("Two", "coder"), ("Three", "chat")):
        make(api, name=name, agent_type=kind, provider=f"p-{name}", model=f"m-{name}")

    found = {
        query: [row["name"] for row in api.get(f"/api/agents?{query}").json()["results"]]
        for query in ("", "agent_type=chat", "slug=two", "provider=p-One", "model=m-Two&agent_type=chat", "offset=1")
    }

    assert found == {
        "": ["Three", "Two", "One"],
        "agent_type=chat": ["Three", "One"],
        "slug=two": ["Two"],
        "provider=p-One": ["One"],
        "model=m-Two&agent_type=chat": [],
        "offset=1": ["Two", "One"],
    }
