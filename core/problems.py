"""Errors as `application/problem+json` (RFC 9457): type, title, status, detail, code, and errors by field."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from rest_framework import exceptions
from rest_framework.response import Response

from core.errors import DomainError, NotFound, Unavailable, VersionMismatch
from core.json_gate import RefusedJSON
from core.logs import request_id
from core.outages import outage_of
from core.renderers import PROBLEM_MEDIA_TYPE, BrowsableRenderer, ProblemRenderer, dump_response

log = logging.getLogger(__name__)

Errors = dict[str, list[str]]


def problem(*, status: int, code: str, title: str, detail: str, errors: Errors | None = None, **more: Any) -> Any:
    """Return the members of a problem document; `type` is a stable name under the product's own URN."""
    members = {
        "type": f"urn:parley:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return {**members, "errors": errors} if errors else members


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: turn every foreseen error into a problem; an unforeseen one stays Django's to report."""
    if outage := outage_of(error):
        log.error("%s %s", outage.title, error)
        error = outage
    document = _document(error)
    if document is None:
        return None
    _choose_renderer(context["request"])
    response = Response(document, status=document["status"])
    if isinstance(error, VersionMismatch):
        response["ETag"] = f'"v{error.current_version}"'
    if isinstance(error, Unavailable):
        response["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, exceptions.APIException):
        _copy_headers(error, response)
    return response


def _choose_renderer(request: Any) -> None:
    """An error is a page for people who browse and a problem document for everybody else."""
    if not isinstance(getattr(request, "accepted_renderer", None), BrowsableRenderer):
        request.accepted_renderer, request.accepted_media_type = ProblemRenderer(), PROBLEM_MEDIA_TYPE


def _document(error: Exception) -> Any:
    if isinstance(error, DomainError):
        return _of_domain_error(error)
    if isinstance(error, RefusedJSON):
        return problem(
            status=400,
            code=error.code,
            title="The body cannot be read.",
            detail=f"{error.message} (at {error.pointer})" if error.pointer else error.message,
            errors={error.pointer: [error.message]},
            pointer=error.pointer,
        )
    if isinstance(error, exceptions.ValidationError):
        return problem(
            status=400,
            code="invalid",
            title="The body has fields that cannot be used.",
            detail="See errors for the fields and the reasons.",
            errors=dict(flatten(error.detail)),
        )
    if isinstance(error, Http404):
        return _of_domain_error(NotFound())
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    return _of_api_exception(error) if isinstance(error, exceptions.APIException) else None


def _of_domain_error(error: DomainError) -> Any:
    return problem(
        status=error.status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        errors=error.errors,
        **error.members,
    )


def _of_api_exception(error: exceptions.APIException) -> Any:
    code = error.get_codes()
    return problem(
        status=error.status_code,
        code=code if isinstance(code, str) else error.default_code,
        title=HTTPStatus(error.status_code).phrase,
        detail=str(error.detail),
    )


def _copy_headers(error: exceptions.APIException, response: Response) -> None:
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(math.ceil(wait))


def flatten(detail: Any, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield `field path, messages` for DRF's nested error detail: `messages.3.role`, `non_field_errors`."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from flatten(inner, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        for index, inner in enumerate(detail):
            if inner:
                yield from flatten(inner, f"{prefix}.{index}" if prefix else str(index))
    else:
        yield prefix or "non_field_errors", [str(item) for item in (detail if isinstance(detail, list) else [detail])]


def problem_response(document: Any) -> HttpResponse:
    """A problem outside DRF: an unknown address under `/api/`, an unforeseen error."""
    return HttpResponse(dump_response(document), status=document["status"], content_type=PROBLEM_MEDIA_TYPE)


def unavailable(request: HttpRequest, error: Unavailable) -> HttpResponse:
    """503 or 507 with `Retry-After`: a problem document under `/api/`, elsewhere a page that needs no database."""
    if request.path.startswith("/api/"):
        return outage_response(error)
    page = render_to_string("unavailable.html", {"title": error.title})
    return HttpResponse(page, status=error.status, headers={"Retry-After": str(error.retry_after_seconds)})


def outage_response(error: Unavailable) -> HttpResponse:
    response = problem_response(_of_domain_error(error))
    response["Retry-After"] = str(error.retry_after_seconds)
    return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem_response(_of_domain_error(NotFound()))


def server_error(request: HttpRequest) -> HttpResponse:
    return problem_response(
        problem(
            status=500,
            code="server_error",
            title="Something went wrong on the server.",
            detail=f"The server's log has the reason under request {request_id.get()}.",
        )
    )


def bad_request(request: HttpRequest) -> HttpResponse:
    return problem_response(
        problem(
            status=400,
            code="bad_request",
            title="The request cannot be read.",
            detail="Check the host name, the headers and the address.",
        )
    )
