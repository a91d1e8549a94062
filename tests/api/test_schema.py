"""The OpenAPI document: valid, complete, and true."""

from __future__ import annotations

from functools import cache
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.api.conftest import Shelf, row_for
from tests.api.problems import MEMBERS, OPTIONAL
from tests.api.routes import Route, guarded_routes, request_id, requests, unversioned
from tests.client import ApiClient

ROUTES = requests(unversioned(guarded_routes()))

ROW_ACTIONS = frozenset({"create", "retrieve", "update", "partial_update", "restore", "rotate", "end", "heartbeat"})
"""What is answered with one row, and with the tag of its version."""

ON_VERSIONS = frozenset({"restore", "end", "rotate", "test"})
"""What a POST does to one row, of which it may name the version."""


@cache
def document() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


def operation(method: str, route: Route) -> dict[str, Any]:
    found: dict[str, Any] = document()["paths"][route.template.replace("%(pk)s", "{id}")][method.lower()]
    return found


def test_the_document_is_valid_and_made_without_a_warning() -> None:
    written = StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", stdout=written)

    validate_schema(document())  # type: ignore[no-untyped-call]
    assert written.getvalue().startswith("openapi: 3")


def test_the_document_describes_every_route_once() -> None:
    described = {(method.upper(), path) for path, found in document()["paths"].items() for method in found}

    assert described == {(method, route.template.replace("%(pk)s", "{id}")) for method, route in ROUTES}


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation(method, route)["operationId"] for method, route in ROUTES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=request_id)
def test_every_operation_documents_its_errors(method: str, route: Route) -> None:
    responses = operation(method, route)["responses"]

    always = {"400", "401", "403", "404", "406", "429", "503", "507"}
    by_method = {
        "POST": {"409", "413", "415"},
        "PUT": {"409", "412", "413", "415", "428"},
        "PATCH": {"409", "412", "413", "415"},
        "DELETE": {"412"},
    }
    errors = {status: answer for status, answer in responses.items() if status >= "400"}
    own = {"budget-check": {"402"}}
    own |= {route.name: {"412"}} if route.methods[method] in ON_VERSIONS else {}
    assert errors.keys() == always | by_method.get(method, set()) | own.get(route.name, set())
    assert {tuple(answer["content"]) for answer in errors.values()} == {("application/problem+json",)}
    assert all(answer["description"] for answer in errors.values())


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=request_id)
def test_every_operation_documents_its_success_and_its_log_in(method: str, route: Route) -> None:
    described = operation(method, route)

    success = {status for status in described["responses"] if status < "400"}
    expected = {"create": "201", "batch": "201", "rotate": "201", "destroy": "204"}.get(route.methods[method], "200")
    assert success - {"304"} == {expected}
    assert described["security"] == [{"apiKey": []}, {"session": []}]
    assert described["description"]


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=request_id)
def test_every_operation_documents_the_headers_of_the_write_contract(method: str, route: Route) -> None:
    headers = [
        parameter["name"] for parameter in operation(method, route).get("parameters", []) if parameter["in"] == "header"
    ]

    expected = {"POST": ["Idempotency-Key"], "PUT": ["If-Match"], "PATCH": ["If-Match"], "DELETE": ["If-Match"]}
    action = route.methods[method]
    by_action = {
        **{name: ["If-Match"] for name in ON_VERSIONS},
        "retrieve": [] if route.name == "budget-detail" else ["If-None-Match"],
    }
    assert headers == [*expected.get(method, []), *by_action.get(action, []), "Parley-Organization"]


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=request_id)
def test_every_operation_documents_the_headers_of_its_answers(method: str, route: Route) -> None:
    answers = operation(method, route)["responses"]

    sure = {
        status: sorted(name for name, header in answer["headers"].items() if header.get("required"))
        for status, answer in answers.items()
    }
    tagged = ["budget-check", "agent-persona", "integration-test"]
    expected = {"401": ["WWW-Authenticate"], "412": ["ETag"], "429": ["Retry-After"], "503": ["Retry-After"]}
    expected |= {"304": ["ETag"], "507": ["Retry-After"]}
    is_row = route.methods[method] in ROW_ACTIONS and route.name not in tagged
    expected |= {"200": ["ETag"], "201": ["ETag"]} if is_row else {}
    assert sure == {status: [*expected.get(status, []), "X-Request-ID"] for status in answers}


def test_batches_document_their_rows() -> None:
    found = document()["components"]["schemas"]

    batches = {
        name: next(iter(found[name]["properties"].values()))["items"]["$ref"] for name in found if "Batch" in name
    }

    assert batches == {
        f"{rows}Batch{way}": f"#/components/schemas/{rows}{way}"
        for rows in ("Message", "ConversationMessage", "SessionMessage", "Usage")
        for way in ("", "Request")
    }


def parameter_values(shelf: Shelf) -> dict[str, str]:
    """Values that query parameters take; any other takes any text."""
    return {
        "limit": "1",
        "count": "true",
        "order": "asc",
        "offset": "0",
        "branches": "all",
        "agent_id": shelf.agent,
        "domain_id": shelf.domain,
        "instance_id": shelf.instance,
        "user_id": shelf.agent,
        "thread_id": shelf.thread,
        "key_id": shelf.agent,
        "actor_id": shelf.agent,
        "subject_id": shelf.agent,
        "by": "day",
        "format": "csv",
        "environment": "staging",
        "archived": "false",
        "is_built_in": "true",
        "trashed": "true",
        **{
            f"{name}_{side}": "2026-01-01T00:00:00Z"
            for name in ("created", "updated", "started")
            for side in ("after", "before")
        },
    }


@pytest.mark.parametrize(("method", "route"), [pair for pair in ROUTES if pair[0] == "GET"], ids=request_id)
def test_documented_parameters_are_the_ones_that_are_taken(
    api: ApiClient, shelf: Shelf, method: str, route: Route
) -> None:
    values = parameter_values(shelf)
    named = {
        parameter["name"]: parameter["schema"].get("enum", [])
        for parameter in operation(method, route).get("parameters", [])
        if parameter["in"] == "query"
    }
    row = row_for(route, shelf)

    statuses = {
        name: api.get(f"{route.path(row)}?{name}={values.get(name, next(iter(choices), 'x'))}").status_code
        for name, choices in named.items()
        if name != "cursor"
    }

    assert statuses == dict.fromkeys(statuses, 200)


@pytest.mark.parametrize(
    ("component", "path"),
    [
        ("Identity", "/api/me"),
        ("Organization", "/api/organizations/{organization}"),
        ("Domain", "/api/domains/{domain}"),
        ("Instance", "/api/instances/{instance}"),
        ("AgentSession", "/api/agent-sessions/{agentsession}"),
        ("Agent", "/api/agents/{agent}"),
        ("Persona", "/api/agents/{agent}/persona"),
        ("Thread", "/api/threads/{thread}"),
        ("Session", "/api/sessions/{thread}"),
        ("Message", "/api/messages/{message}"),
        ("Feedback", "/api/feedback/{feedback}"),
        ("Key", "/api/keys/{key}"),
        ("Usage", "/api/usage/{usage}"),
        ("Budget", "/api/budgets/{budget}"),
        ("PriceOverride", "/api/price-overrides/{price}"),
        ("Totals", "/api/usage/totals"),
        ("BudgetCheck", "/api/budgets/check"),
    ],
)
def test_documented_members_are_the_ones_that_are_answered(
    api: ApiClient, shelf: Shelf, component: str, path: str
) -> None:
    answered = api.get(path.format(**vars(shelf))).json()

    assert set(document()["components"]["schemas"][component]["properties"]) == set(answered)


def test_documented_members_of_a_problem_are_the_ones_that_are_answered() -> None:
    problem = document()["components"]["schemas"]["Problem"]

    assert set(problem["required"]) == MEMBERS
    assert set(problem["properties"]) == MEMBERS | OPTIONAL


@pytest.mark.parametrize("query", ["", "?format=json", "?format=yaml"])
def test_the_document_can_be_fetched_without_a_key(anonymous: ApiClient, query: str) -> None:
    response = anonymous.get(f"/api/schema{query}")

    assert response.status_code == 200


def test_the_documentation_page_needs_no_key_and_no_inline_script(anonymous: ApiClient) -> None:
    response = anonymous.get("/api/docs", accept="text/html")

    page = response.content.decode()
    assert response.status_code == 200
    assert "swagger-ui" in page
    assert [line for line in page.split("<script")[1:] if not line.split(">", 1)[1].startswith("</script>")] == []


def test_the_script_of_the_documentation_page_is_served(anonymous: ApiClient) -> None:
    page = anonymous.get("/api/docs", accept="text/html").content.decode()
    scripts = [part.split('"', 1)[0] for part in page.split('<script src="')[1:]]

    own = [address for address in scripts if address.startswith("/api/docs")]

    assert len(own) == 1
    response = anonymous.get(own[0].replace("&amp;", "&"))
    assert response.status_code == 200
    assert "SwaggerUIBundle" in response.content.decode()


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "PUT", "DELETE"])
def test_documentation_has_no_words_for_other_methods(anonymous: ApiClient, method: str) -> None:
    response = anonymous.send(method, "/api/docs")

    assert (response.status_code, response.headers["Content-Type"]) == (405, "application/problem+json")
