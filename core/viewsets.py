"""The one base of every route: who asks, what they see, and how a request is answered once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, ClassVar, NoReturn, cast
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.exceptions import APIException, NotAuthenticated, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from core import row_security
from core.access import Actor
from core.errors import NotFound
from core.fast.bodies import PlainBody
from core.fast.lists import FastList
from core.idempotency import answer_after, answer_once, identify
from core.pagination import KeysetPagination
from core.preconditions import etag, is_unchanged
from core.query import QueryParameters, parse_uuid
from core.renderers import JSONRenderer
from core.retries import again_when_undone
from core.serializers import EmptySerializer
from core.throttling import admit_actor, admit_stranger

UNIVERSAL_PARAMETERS = frozenset({"format"})
BODY_PARAMETERS = frozenset({"invalid_text"})
PLAIN_ACCEPT = frozenset({"", "*/*", "application/json"})
JSON_RENDERER = JSONRenderer()
OWN_RENDERERS = GenericViewSet.get_renderers
"""What a view has that does not choose its renderers by the request."""
BODILESS_ACTIONS = frozenset({"restore", "test", "heartbeat", "end"})


_default_headers: dict[Any, dict[str, str]] = {}
_known_parameters: dict[tuple[type, str | None, str | None], frozenset[str]] = {}


@cache
def _made_once(classes: tuple[type, ...]) -> list[Any]:
    """Parsers, authenticators and permissions keep nothing of a request: one of each serves all of them."""
    return [each() for each in classes]


class JsonAnswer(HttpResponse):
    """An answer in JSON that needs no rendering; `data` is the text of it, for whoever keeps the answer."""

    def __init__(self, data: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(data, status=status, content_type=JSON_RENDERER.media_type)
        self.data = data
        for name, value in (headers or {}).items():
            self.headers[name] = value


def _as_json(response: Response) -> JsonAnswer | Response:
    """The same answer, rendered, unless the view chose a form of its own."""
    if response.content_type is not None:
        return response
    headers = {name: value for name, value in response.items() if name != "Content-Type"}
    return JsonAnswer(JSON_RENDERER.render(response.data), status=response.status_code, headers=headers)


class BaseViewSet(GenericViewSet[Any]):
    """Restricts rows to the actor, refuses unknown parameters, and carries out a repeated POST once.

    A subclass states its queryset, serializer, `permission_codes` by action (an action without one cannot start: see
    `core.checks`) and the `query_parameters` its actions understand.
    """

    permission_codes: ClassVar[dict[str, str]] = {}
    query_parameters: ClassVar[dict[str, frozenset[str]]] = {}
    secret_fields: ClassVar[tuple[str, ...]] = ()
    """Members of the answer to a POST that are shown once: a repeated request gets null in their place."""
    waiting_actions: ClassVar[frozenset[str]] = frozenset()
    """Actions that wait for somebody outside and do no harm twice: they run in no transaction, and make their own."""

    fast_list: ClassVar[FastList | None] = None
    """How a plain page of the list is answered past the ORM (`core.fast`), where the list is worth it."""
    plain_body: ClassVar[PlainBody | None] = None
    """What the serializer makes of a plain body of `create`, where the route is worth it."""

    lookup_value_regex = "[^/]+"
    _actor: Actor | None = None

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> NoReturn:
        """Refuse, and have it written down when it is known who was refused."""
        if request.auth is not None and self.action in self.permission_codes:
            match = request.resolver_match
            # The base of all views lies below the audit trail, and calls it by the name that the settings give.
            import_string(settings.REFUSAL_RECORDER)(
                self.actor,
                code=self.permission_codes[self.action],
                method=str(request.method),
                route=f"/{match.route}".removesuffix("/?$") if match else "",
            )
        super().permission_denied(request, message, code)

    @property
    def actor(self) -> Actor:
        if self._actor is None:
            if self.request.auth is None:
                raise NotAuthenticated
            self._actor = cast("Actor", self.request.auth)
        return self._actor

    def get_queryset(self) -> QuerySet[Any]:
        return cast("QuerySet[Any]", super().get_queryset().visible_to(self.actor))  # type: ignore[attr-defined]

    def known_parameters(self) -> frozenset[str]:
        """The query parameters of the current action."""
        if self.action is None:
            # Methods that no route has are without number.
            return self._known_parameters()
        key = (type(self), self.action, self.request.method)
        if key not in _known_parameters:
            _known_parameters[key] = self._known_parameters()
        return _known_parameters[key]

    def _known_parameters(self) -> frozenset[str]:
        known = UNIVERSAL_PARAMETERS | self.query_parameters.get(self.action, frozenset())
        if self.action == "list" and self.paginator is not None:
            known |= cast("KeysetPagination", self.paginator).parameters
        takes_body = self.request.method in ("POST", "PUT", "PATCH") and self.action not in BODILESS_ACTIONS
        return known | BODY_PARAMETERS if takes_body else known

    def get_parsers(self) -> Any:
        return _made_once(tuple(self.parser_classes))

    def get_authenticators(self) -> Any:
        return _made_once(tuple(self.authentication_classes))

    def get_permissions(self) -> Any:
        return _made_once(tuple(self.permission_classes))

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """DRF's, with the answer at hand for programs that take JSON."""
        takes_json = (
            request._request.META.get("HTTP_ACCEPT", "") in PLAIN_ACCEPT and "format" not in request._request.GET
        )
        if takes_json and self.renderer_classes[0] is JSONRenderer and type(self).get_renderers is OWN_RENDERERS:
            return JSON_RENDERER, JSON_RENDERER.media_type
        return super().perform_content_negotiation(request, force)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        query = QueryParameters(request)
        if "format" in request._request.GET:
            query.choice("format", [renderer.format for renderer in self.get_renderers()])
        super().initial(request, *args, **kwargs)
        query.refuse_unknown(self.known_parameters())
        if self.action in BODILESS_ACTIONS:
            EmptySerializer(data=request.data).is_valid(raise_exception=True)

    def perform_authentication(self, request: Request) -> None:
        """Find out who asks, and whether they ask too often."""
        try:
            # What `user` calls behind several others.
            request._authenticate()  # type: ignore[attr-defined]  # missing in the stubs
        except APIException:
            admit_stranger()
            raise
        if request.auth is None:
            admit_stranger()
        else:
            admit_actor(self.actor)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """DRF's dispatch with one step more: a POST that names itself is answered once."""
        self.args, self.kwargs = args, kwargs
        drf_request = self.initialize_request(request, *args, **kwargs)
        self.request = cast("Any", drf_request)
        self.headers = self._default_headers()
        try:
            self.initial(drf_request, *args, **kwargs)
            if request.method in SAFE_METHODS or self.action in self.waiting_actions:
                response = self._scoped(drf_request, *args, **kwargs)
            else:
                response = again_when_undone(lambda: self._scoped(drf_request, *args, **kwargs))
        except Exception as error:  # noqa: BLE001  `core.problems` raises again what it does not know
            response = self.handle_exception(error)
        self.response = self.finalize_response(drf_request, response, *args, **kwargs)
        return self.response

    def _scoped(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with self.row_scope():
            response = self._answer(request, *args, **kwargs)
            row_security.keep_scope(response)
        return response

    def _default_headers(self) -> dict[str, str]:
        """DRF's headers of every answer of the route, which are the same for all of its requests."""
        key = (type(self), *(self.action_map or ()))
        if key not in _default_headers:
            _default_headers[key] = self.default_response_headers
        return dict(_default_headers[key])

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Any:
        """DRF's; an answer in JSON is made at once, and nothing is left to be rendered."""
        answer: Any = response
        if type(response) is Response and self._takes_json(request) and response.data is not None:
            answer = _as_json(response)
        if type(answer) is not JsonAnswer or "vary" in answer.headers._store:
            return super().finalize_response(request, response, *args, **kwargs)
        for name, value in self.headers.items():
            answer.headers._store[name.lower()] = (name, value)
        return answer

    def _takes_json(self, request: Request) -> bool:
        return getattr(request, "accepted_renderer", None) is JSON_RENDERER

    def json(self, data: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Answer with a JSON text that is ready; a page for people shows the same."""
        if self._takes_json(self.request):
            return cast("Response", JsonAnswer(data, status=status, headers=headers))
        return Response(data, status=status, headers=dict(headers or {}))

    def row_scope(self) -> AbstractContextManager[None]:
        """What the database may show to the action, where row-level security is on: the actor's organization.

        A scope is a transaction: an action that waits for somebody outside opens scopes of its own.
        """
        if not row_security.is_enabled() or self.request.auth is None or self.action in self.waiting_actions:
            return nullcontext()
        return row_security.scope({self.actor.organization_id})

    def _answer(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        handler = getattr(self, (request.method or "").lower(), self.http_method_not_allowed)
        if request.method != "POST" or self.action is None:
            return self._with_replacements(handler(request, *args, **kwargs))
        identity = identify(request, self.actor)
        if identity is None:
            return self._with_replacements(handler(request, *args, **kwargs))

        def effect() -> Response:
            return self._with_replacements(handler(request, *args, **kwargs))

        if self.action in self.waiting_actions:
            return answer_after(identity, effect)
        return answer_once(identity, effect, secret_fields=self.secret_fields)

    def _with_replacements(self, response: Response) -> Response:
        if replaced := getattr(self.request._request, "replaced_characters", 0):
            response["Parley-Replaced-Characters"] = str(replaced)
        return response

    def body(self) -> dict[str, Any]:
        """Return the validated body; raises ValidationError with the fields at fault."""
        if self.plain_body is not None and self.action == "create":
            plain = self.plain_body.take(self.request.data)
            if plain is not None:
                return plain
        partial = self.request.method == "PATCH"
        serializer = self.get_serializer(data=self.request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return cast("dict[str, Any]", serializer.validated_data)

    def changes(self) -> dict[str, Any]:
        """The validated body of a change: a client sets an id only when it creates."""
        values = self.body()
        if "id" in values:
            raise ValidationError({"id": ["An id cannot be changed."]})
        return values

    def row_id(self) -> UUID:
        """The id in the address; raises `NotFound` for what is not a UUID."""
        try:
            return parse_uuid(self.kwargs["pk"])
        except ValueError:
            raise NotFound from None

    def get_object(self) -> Any:
        row = self.get_queryset().filter(pk=self.row_id()).first()
        if row is None:
            raise NotFound
        return row

    def created(self, row: Any) -> Response:
        """Answer a POST that made one row."""
        return self.shown(row, status=201)

    def shown(self, row: Any, *, status: int = 200) -> Response:
        """Answer with one row and its entity tag."""
        return Response(self.get_serializer(row).data, status=status, headers={"ETag": etag(row.version)})

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        if is_unchanged(request, row.version):
            return Response(status=304, headers={"ETag": etag(row.version)})
        return self.shown(row)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if self.fast_list is not None and (page := self.fast_list.page(request, self, self.actor)) is not None:
            return self.json(page)
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)
