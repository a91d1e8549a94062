"""Routes of sessions of agents."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import AgentSession
from accounts.querysets import AgentSessionQuerySet
from accounts.services import agent_sessions as services
from core.openapi import described
from core.pagination import KeysetPagination
from core.preconditions import etag, if_match
from core.query import QueryParameters
from core.serializers import StoredJSONField, StrictModelSerializer, StrictUUIDField, UTCDateTimeField
from core.viewsets import BaseViewSet

ID_FILTERS = {
    "agent_id": "Only sessions with this agent.",
    "instance_id": "Only sessions in this instance.",
    "user_id": "Only sessions of this person.",
}
TIME_FILTERS = {
    "started_after": ("started_at__gt", "Only sessions started after this moment."),
    "started_before": ("started_at__lt", "Only sessions started before this moment."),
}
STATES = ("open", "ended")
STATE = OpenApiParameter(
    "state", OpenApiTypes.STR, OpenApiParameter.QUERY, enum=STATES, description="Only open, or only ended sessions."
)


class AgentSessionSerializer(StrictModelSerializer):
    """Somebody works with an agent. `user_id`, `key_id` and `domain_id` follow from who started the session and from
    what it names; `state` is `open` or `ended`, `end_reason` then tells `ended` (by its client) from `stale`."""

    id = StrictUUIDField(required=False)
    agent_id = StrictUUIDField(default=None, allow_null=True)
    instance_id = StrictUUIDField(default=None, allow_null=True)
    metadata = StoredJSONField(default=dict)
    user_id = serializers.UUIDField(read_only=True, allow_null=True)
    key_id = serializers.UUIDField(source="api_key_id", read_only=True, allow_null=True)
    domain_id = serializers.UUIDField(read_only=True, allow_null=True)
    state = serializers.ChoiceField(choices=STATES, read_only=True)
    end_reason = serializers.ChoiceField(choices=AgentSession.EndReason.choices, read_only=True, allow_null=True)

    class Meta:
        model = AgentSession
        fields = (
            "id",
            "agent_id",
            "instance_id",
            "domain_id",
            "user_id",
            "key_id",
            "metadata",
            "state",
            "started_at",
            "last_heartbeat_at",
            "ended_at",
            "end_reason",
            "version",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = (
            "started_at",
            "last_heartbeat_at",
            "ended_at",
            "version",
            "created_at",
            "updated_at",
        )

    def to_representation(self, instance: AgentSession) -> dict[str, Any]:
        return {**super().to_representation(instance), "end_reason": instance.end_reason or None}


class HeartbeatSerializer(serializers.Serializer[Any]):
    """When a session was last alive."""

    id = serializers.UUIDField()
    last_heartbeat_at = UTCDateTimeField()
    version = serializers.IntegerField()


class AgentSessionPagination(KeysetPagination):
    """Sessions by their start, newest first."""

    fields = ("started_at", "id")


@extend_schema_view(
    list=extend_schema(
        parameters=[
            *described(ID_FILTERS, OpenApiTypes.UUID),
            *described({name: text for name, (_lookup, text) in TIME_FILTERS.items()}, OpenApiTypes.DATETIME),
            STATE,
        ]
    )
)
class AgentSessionViewSet(BaseViewSet):
    """Sessions of agents at work, from their start over heartbeats to their end."""

    queryset = AgentSession.objects.all()
    serializer_class = AgentSessionSerializer
    pagination_class = AgentSessionPagination
    permission_codes = {
        "list": "session.read",
        "retrieve": "session.read",
        "create": "session.create",
        "heartbeat": "session.update",
        "end": "session.update",
    }
    query_parameters = {"list": frozenset({*ID_FILTERS, *TIME_FILTERS, "state"})}

    def get_queryset(self) -> QuerySet[AgentSession]:
        sessions = cast("AgentSessionQuerySet", super().get_queryset())
        if self.action != "list":
            return sessions
        query = QueryParameters(self.request)
        chosen: dict[str, Any] = {name: query.uuid(name) for name in ID_FILTERS}
        chosen |= {lookup: query.datetime(name) for name, (lookup, _text) in TIME_FILTERS.items()}
        sessions = sessions.filter(**{name: value for name, value in chosen.items() if value is not None})
        state = query.choice("state", STATES)
        if state is None:
            return sessions
        return sessions.open() if state == "open" else sessions.ended()

    @extend_schema(responses={201: AgentSessionSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.created(services.start_session(actor=self.actor, fields=self.body()))

    @extend_schema(
        description="Tell that the session is alive. An ended one answers 409 `session_ended`.",
        request=None,
        responses={200: HeartbeatSerializer},
    )
    def heartbeat(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        moment, version = services.beat(actor=self.actor, session_id=self.row_id())
        told = {"id": self.row_id(), "last_heartbeat_at": moment, "version": version}
        return Response(HeartbeatSerializer(told).data, headers={"ETag": etag(version)})

    @extend_schema(
        description="End the session. One that has ended already stays as it is.",
        request=None,
        responses={200: AgentSessionSerializer},
    )
    def end(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.shown(
            services.end_session(actor=self.actor, session_id=self.row_id(), precondition=if_match(request))
        )
