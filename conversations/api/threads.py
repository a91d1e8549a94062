"""Routes of threads, also under the names `conversations` and `sessions`."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from conversations import services
from conversations.api.serializers import SESSION_DEFAULTS, SessionSerializer, ThreadSerializer
from conversations.models import Thread
from conversations.querysets import ThreadQuerySet
from conversations.search import matching
from core.access import Actor
from core.fast.lists import FastList
from core.fast.shapes import RowShape
from core.fast.statements import Rows
from core.openapi import TRASHED_PARAMETER, described
from core.pagination import KeysetPagination
from core.preconditions import if_match
from core.query import QueryParameters
from core.viewsets import BaseViewSet

EXACT_FILTERS = {
    "agent_type": "Only threads of this agent type.",
    "provider": "Only threads of this provider.",
    "model": "Only threads of this model.",
    "external_id": "Only the thread with this id in the system it came from.",
}
TIME_FILTERS = {
    "created_after": ("created_at__gt", "Only threads created after this moment."),
    "created_before": ("created_at__lt", "Only threads created before this moment."),
    "updated_after": ("updated_at__gt", "Only threads changed after this moment."),
    "updated_before": ("updated_at__lt", "Only threads changed before this moment."),
}
OTHER_FILTERS = {
    "agent_id": "Only threads of this agent.",
    "domain_id": "Only threads of this domain.",
    "archived": "`true`: only archived threads; `false`: only the others.",
    "q": "Only threads whose title or one of whose messages holds all of these words.",
}


class ThreadPagination(KeysetPagination):
    """Threads by last change, newest first."""

    fields = ("updated_at", "id")
    allows_offset = True


def filter_threads(threads: ThreadQuerySet, query: QueryParameters, organization_id: UUID) -> ThreadQuerySet:
    """Apply the list's query parameters; raises `InvalidParameter`."""
    threads = threads.in_trash() if query.boolean("trashed") else threads.active()
    chosen: dict[str, Any] = {name: query.text(name) for name in EXACT_FILTERS}
    chosen |= {lookup: query.datetime(name) for name, (lookup, _text) in TIME_FILTERS.items()}
    chosen |= {name: query.uuid(name) for name in ("agent_id", "domain_id")}
    threads = threads.filter(**{name: value for name, value in chosen.items() if value is not None})
    archived = query.boolean("archived")
    if archived is not None:
        threads = threads.filter(archived_at__isnull=not archived)
    words = query.text("q")
    if words is not None:
        threads = threads.filter(Q(id__in=matching(words, organization_id=organization_id, column="thread_id")))
    return threads


def _leaves(actor: Actor, rows: Rows, found: Rows) -> list[list[str]]:
    """`active_leaf_position` of each row."""
    return [[str(row[LAST_POSITION] if row[LEAF] is None else row[LEAF]) for row in rows]]


THREAD = RowShape(ThreadSerializer, computed=("active_leaf_position",), extra=("active_leaf",))
LAST_POSITION, LEAF = THREAD.place("last_position"), THREAD.place("active_leaf")


@extend_schema_view(
    list=extend_schema(
        parameters=[
            *described(EXACT_FILTERS),
            *described({name: text for name, (_lookup, text) in TIME_FILTERS.items()}, OpenApiTypes.DATETIME),
            *described(OTHER_FILTERS),
            TRASHED_PARAMETER,
        ]
    )
)
class ThreadViewSet(BaseViewSet):
    """Threads of the organization."""

    queryset = Thread.objects.all()
    serializer_class = ThreadSerializer
    pagination_class = ThreadPagination
    fast_list = FastList(
        THREAD, ThreadPagination, lambda actor, _: Thread.objects.visible_to(actor).active(), computed=_leaves
    )
    permission_codes = {
        "list": "thread.read",
        "retrieve": "thread.read",
        "create": "thread.create",
        "update": "thread.update",
        "partial_update": "thread.update",
        "destroy": "thread.delete",
        "restore": "thread.delete",
    }
    defaults: ClassVar[dict[str, str]] = {}
    query_parameters = {"list": frozenset({*EXACT_FILTERS, *TIME_FILTERS, *OTHER_FILTERS, "trashed"})}

    def get_queryset(self) -> QuerySet[Thread]:
        threads = cast("ThreadQuerySet", super().get_queryset())
        if self.action != "list":
            return threads.active()
        # The path of a thread that branches at every turn is as long as the thread; the list does not show it.
        threads = threads.defer("active_path")
        return filter_threads(threads, QueryParameters(self.request), self.actor.organization_id)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        thread = services.create_thread(actor=self.actor, fields=self.body(), defaults=self.defaults)
        return self.created(thread)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        thread = services.update_thread(
            actor=self.actor, thread_id=self.row_id(), changes=self.changes(), precondition=if_match(request)
        )
        return self.shown(thread)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.trash_thread(actor=self.actor, thread_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)

    @extend_schema(request=None, responses={200: ThreadSerializer})
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.shown(
            services.restore_thread(actor=self.actor, thread_id=self.row_id(), precondition=if_match(request))
        )


class SessionViewSet(ThreadViewSet):
    """The same threads for clients that know no agents: `/api/conversations` and `/api/sessions`."""

    serializer_class = SessionSerializer
    defaults = SESSION_DEFAULTS
