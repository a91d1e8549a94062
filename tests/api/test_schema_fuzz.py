"""Requests made from the OpenAPI document: none ends in a 5xx, and every answer is one that the document describes.

The suite makes a few requests of each kind, always the same; `make fuzz` sets `FUZZ_EXAMPLES` and makes many others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    ensure_resource_availability,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
    use_after_free,
)

from accounts.models import Organization
from tests.api.conftest import Shelf
from tests.api.stored_rows import ids_of_rows
from tests.client import ApiClient

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
"""Requests for each operation and mode."""

IS_LONG = "FUZZ_EXAMPLES" in os.environ

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
    ignored_auth,
    unsupported_method,
]

OWN_RULES: dict[GenerationMode, list[Any]] = {
    GenerationMode.NEGATIVE: [negative_data_rejection],
    GenerationMode.POSITIVE: [ensure_resource_availability, use_after_free],
}
"""What is checked besides where a request breaks the document, and where it keeps to it.

Not that what keeps to it is taken: a schema cannot say that an agent must exist, or that a slug must be free.
"""


def open_api() -> Any:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    schema = schemathesis.openapi.from_dict(document)
    schema.app = WSGIHandler()
    return schema


SCHEMA = open_api()
OPERATIONS = [(path, method) for path in SCHEMA for method in SCHEMA[path]]


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests share the connection, and the transaction, of the test."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_answers_are_those_of_the_document(
    api: ApiClient, organization: Organization, shelf: Shelf, path: str, method: str, mode: GenerationMode
) -> None:
    ids = [str(pk) for pk in ids_of_rows(organization.pk)]
    operation = SCHEMA[path][method]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=not IS_LONG,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), row=st.sampled_from([None, *ids]))
    def check(case: Any, row: str | None) -> None:
        if row is not None and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = row
        case.call_and_validate(headers={"Authorization": f"Bearer {api.key}"}, checks=[*CHECKS, *OWN_RULES[mode]])

    check()
