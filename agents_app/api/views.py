"""Routes of agents."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from agents_app import services
from agents_app.api.serializers import AgentSerializer, PersonaSerializer
from agents_app.models import Agent
from agents_app.querysets import AgentQuerySet
from core.openapi import TRASHED_PARAMETER, described
from core.pagination import KeysetPagination
from core.preconditions import if_match
from core.query import QueryParameters
from core.viewsets import BaseViewSet


class AgentPagination(KeysetPagination):
    """Agents by last change, newest first."""

    fields = ("updated_at", "id")
    allows_offset = True


FILTERS = {
    "agent_type": "Only agents of this type.",
    "provider": "Only agents of this provider.",
    "model": "Only agents of this model.",
    "slug": "Only the agent with this slug.",
}


DOMAIN_FILTER = described({"domain_id": "Only agents of this domain."}, OpenApiTypes.UUID)


@extend_schema_view(list=extend_schema(parameters=[*described(FILTERS), *DOMAIN_FILTER, TRASHED_PARAMETER]))
class AgentViewSet(BaseViewSet):
    """Agents of the organization."""

    queryset = Agent.objects.all()
    serializer_class = AgentSerializer
    pagination_class = AgentPagination
    permission_codes = {
        "list": "agent.read",
        "retrieve": "agent.read",
        "persona": "agent.read",
        "create": "agent.create",
        "update": "agent.update",
        "partial_update": "agent.update",
        "destroy": "agent.delete",
        "restore": "agent.delete",
    }
    query_parameters = {"list": frozenset({*FILTERS, "domain_id", "trashed"})}

    def get_queryset(self) -> QuerySet[Agent]:
        agents = cast("AgentQuerySet", super().get_queryset())
        if self.action != "list":
            return agents.active()
        query = QueryParameters(self.request)
        given = {**{name: query.text(name) for name in FILTERS}, "domain_id": query.uuid("domain_id")}
        chosen = {name: value for name, value in given.items() if value is not None}
        return (agents.in_trash() if query.boolean("trashed") else agents.active()).filter(**chosen)

    @extend_schema(responses={201: AgentSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.created(services.create_agent(actor=self.actor, fields=self.body()))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        agent = services.update_agent(
            actor=self.actor, agent_id=self.row_id(), changes=self.changes(), precondition=if_match(request)
        )
        return self.shown(agent)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.trash_agent(actor=self.actor, agent_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)

    @extend_schema(request=None, responses={200: AgentSerializer})
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.shown(
            services.restore_agent(actor=self.actor, agent_id=self.row_id(), precondition=if_match(request))
        )

    @extend_schema(responses={200: PersonaSerializer})
    def persona(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(PersonaSerializer(self.get_object()).data)
