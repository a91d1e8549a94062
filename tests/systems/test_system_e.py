"""System E, an agent service: personas, literal text, and logs that tell no statement."""

from __future__ import annotations

import textwrap
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db import connection

from agents_app.models import Agent
from tests.api.routes import list_routes
from tests.api.stored_rows import own_models, snapshot
from tests.client import ApiClient
from tests.processes import finished, manage, start
from tests.test_env import production

PERSONA = ["id", "name", "backstory", "personality_traits", "avatar_url", "created_at"]
INJECTION = "'; DROP TABLE agents_app_agent; --"
INJECTIONS = [
    INJECTION,
    "' OR '1'='1",
    '"; DROP TABLE conversations_thread; --',
    "1) UNION SELECT 1 --",
    "%' --",
    "\\'",
]


def test_e1_an_agent_has_what_the_service_knew(api: ApiClient) -> None:
    sent = {
        "name": "Ada",
        "backstory": "Born in London.",
        "personality_traits": ["curious", "exact"],
        "avatar_url": "https://example.org/ada.png",
    }

    agent = api.post("/api/agents", sent).json()
    bare = api.post("/api/agents", {"name": "Bob"})

    assert {name: agent[name] for name in sent} == sent
    assert str(uuid.UUID(agent["id"])) == agent["id"]
    assert agent["created_at"].endswith("Z")
    assert bare.status_code == 201
    assert api.post("/api/agents", {"backstory": "Nameless."}).status_code == 400


@pytest.mark.parametrize(
    "traits", [[], ["calm, but firm"], ["  spaces around  "], ["a,b", "c"], ["", "x"][1:], ["\U0001f600"], ['"', "'"]]
)
def test_e2_a_persona_has_its_exact_shape(api: ApiClient, traits: list[str]) -> None:
    agent = api.post("/api/agents", {"name": "Ada", "personality_traits": traits}).json()

    persona = api.get(f"/api/agents/{agent['id']}/persona").json()

    assert list(persona) == PERSONA
    assert persona["personality_traits"] == traits
    assert (persona["backstory"], persona["avatar_url"]) == (None, None)


def test_e2_a_persona_without_traits_has_an_empty_list(api: ApiClient) -> None:
    agent = api.post("/api/agents", {"name": "Ada"}).json()
    Agent.objects.filter(pk=agent["id"]).update(personality_traits=[])

    assert api.get(f"/api/agents/{agent['id']}/persona").json()["personality_traits"] == []
    assert Agent.objects.get(pk=agent["id"]).to_dict() == api.get(f"/api/agents/{agent['id']}/persona").json()


def test_e4_an_agent_is_got_by_its_id_or_is_not_there(api: ApiClient) -> None:
    agent = api.post("/api/agents", {"name": "Ada"}).json()

    assert api.get(f"/api/agents/{agent['id']}").json() == agent
    assert api.get(f"/api/agents/{uuid.uuid4()}").status_code == 404
    assert api.get(f"/api/agents/{uuid.uuid4()}/persona").status_code == 404


def test_e5_a_database_that_was_deleted_is_made_anew(tmp_path: Path) -> None:
    place = tmp_path / "agents.sqlite3"
    env = {"DATABASE_URL": f"sqlite:///{place}"}
    list_tables = "from django.db import connection; print(*connection.introspection.table_names())"

    first = manage("migrate", "--verbosity", "0", env=env)
    for leftover in tmp_path.iterdir():
        leftover.unlink()
    second = manage("migrate", "--verbosity", "0", env=env)
    tables = manage("shell", "--no-imports", "--command", list_tables, env=env).stdout.split()

    assert (first.returncode, second.returncode) == (0, 0)
    assert {model._meta.db_table for model in own_models()} <= set(tables)


@pytest.mark.parametrize("text", INJECTIONS)
def test_e7_statements_in_text_are_stored_as_text(api: ApiClient, text: str) -> None:
    agent = api.post("/api/agents", {"name": text, "description": text, "personality_traits": [text]}).json()
    thread = api.post(
        "/api/threads", {"title": text, "agent_type": text, "model": text, "provider": text, "metadata": {text: text}}
    ).json()
    message = api.post(
        f"/api/threads/{thread['id']}/messages",
        {"role": "user", "content": text, "external_id": text, "artifact_data": [text]},
        idempotency_key=text,
    ).json()

    assert api.get(f"/api/agents/{agent['id']}").json() == agent
    assert (agent["name"], agent["description"], agent["personality_traits"]) == (text, text, [text])
    assert api.get(f"/api/threads/{thread['id']}").json()["metadata"] == {text: text}
    assert api.get(f"/api/messages/{message['id']}").json()["content"] == text
    assert set(connection.introspection.table_names()) >= {model._meta.db_table for model in apps.get_models()}


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("name", [route.name for route in list_routes()])
def test_e7_statements_in_parameters_are_values(api: ApiClient, text: str, name: str) -> None:
    agent = api.post("/api/agents", {"name": "Ada"}).json()["id"]
    thread = api.post("/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"}).json()["id"]
    message = api.post(f"/api/threads/{thread}/messages", {"role": "user", "content": "said"}).json()["id"]
    [route] = [route for route in list_routes() if route.name == name]
    domain = api.post("/api/domains", {"name": "Sales"}).json()["id"]
    path = route.path({"message": message, "domain": domain}.get(name.partition("-")[0], thread))
    before = snapshot()

    for parameter in known_parameters(route.view):
        response = api.get(f"{path}?{parameter}={quote(text)}")
        assert response.status_code in (200, 400), parameter
        if response.status_code == 200:
            assert response.json()["results"] == [], parameter
    statuses = [api.get(f"{path}/{quote(text)}").status_code, api.get(f"/api/agents/{quote(text)}").status_code]

    assert set(statuses) == {404}
    assert snapshot() == before
    assert api.get(f"/api/agents/{agent}").status_code == 200


def known_parameters(view: str) -> list[str]:
    """The query parameters that a list understands."""
    from django.utils.module_loading import import_string

    found = import_string(view)
    return sorted({*found.query_parameters.get("list", ()), *found.pagination_class().parameters, "format"})


@pytest.mark.slow
@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_e11_logs_tell_no_statement_and_no_content(fresh_database: str, level: str, form: str) -> None:
    choices = {"LOG_LEVEL": level, "LOG_FORMAT": form, "HTTPS_ONLY": "false", "ALLOWED_HOSTS": "testserver"}
    env = production(DATABASE_URL=fresh_database, **choices)
    script = """
        import config.wsgi, logging
        from django.core.management import call_command
        from accounts.services import create_api_key, create_organization
        from tests.client import ApiClient
        call_command("migrate", verbosity=0)
        api = ApiClient(create_api_key(organization=create_organization(slug="acme"), name="k")[1])
        made = api.post("/api/threads", {"title": "TITLE-SECRET", "agent_type": "a", "model": "m", "provider": "p"})
        path = "/api/threads/" + made.json()["id"]
        said = {"role": "user", "content": "CONTENT-SECRET", "external_id": "EXTERNAL-SECRET"}
        statuses = [
            made.status_code,
            api.post(path + "/messages", said).status_code,
            api.post(path + "/messages", said).status_code,
            api.get(path + "/messages").status_code,
            api.get("/api/threads?q=content-secret").status_code,
            api.get("/api/threads/nobody").status_code,
            api.get("/api/threads?colour=red").status_code,
            ApiClient("wrong").get("/api/threads").status_code,
        ]
        print(statuses)
        logging.getLogger("parley.test").error("the log works")
    """

    run = finished(start("-c", textwrap.dedent(script), env=env))

    assert (run.returncode, run.stdout) == (0, "[201, 201, 409, 200, 200, 404, 400, 401]\n"), run.stderr
    assert "the log works" in run.stderr
    words = ("SELECT", "INSERT", "UPDATE ", "SAVEPOINT", "BEGIN", "-SECRET", "parley_")
    assert [line for line in run.stderr.splitlines() if any(word in line for word in words)] == []
