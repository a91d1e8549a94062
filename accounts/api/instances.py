"""Routes of instances, also those below a domain."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db.models import Exists, OuterRef, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.instances import links_of, with_agents
from accounts.models import Domain, Instance
from accounts.querysets import InstanceQuerySet
from accounts.services import instances as services
from core.errors import NotFound
from core.openapi import TRASHED_PARAMETER, described
from core.pagination import KeysetPagination
from core.preconditions import if_match
from core.query import QueryParameters
from core.serializers import (
    BoundedListField,
    StoredJSONField,
    StrictCharField,
    StrictChoiceField,
    StrictModelSerializer,
    StrictSlugField,
    StrictUUIDField,
    VisibleCharField,
)
from core.viewsets import BaseViewSet

MAX_AGENTS = 200
ENVIRONMENTS = Instance.Environment

SLUG = described({"slug": "Only the instances with this slug."})
DOMAIN = described({"domain_id": "Only instances of this domain."}, OpenApiTypes.UUID)
AGENT = described({"agent_id": "Only instances that run this agent."}, OpenApiTypes.UUID)
ENVIRONMENT = OpenApiParameter(
    "environment",
    OpenApiTypes.STR,
    OpenApiParameter.QUERY,
    enum=list(ENVIRONMENTS.values),
    description="Only instances in this environment.",
)


class InstanceSerializer(StrictModelSerializer):
    """A deployment of agents in an environment. The slug is unique in the domain; one is made from the name when
    missing. `agent_ids` are the agents that it runs, as far as the caller sees them."""

    id = StrictUUIDField(required=False)
    domain_id = StrictUUIDField()
    name = VisibleCharField(max_length=255)
    slug = StrictSlugField(max_length=63, required=False)
    environment = StrictChoiceField(choices=ENVIRONMENTS.choices, default=ENVIRONMENTS.DEVELOPMENT)
    agent_ids = BoundedListField(child=StrictUUIDField(), default=list, max_length=MAX_AGENTS)
    description = StrictCharField(default="", allow_blank=True)
    metadata = StoredJSONField(default=dict)

    class Meta:
        model = Instance
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "domain_id",
            "name",
            "slug",
            "environment",
            "agent_ids",
            "description",
            "metadata",
            "version",
            "created_at",
            "updated_at",
            "trashed_at",
        )
        read_only_fields: ClassVar = ("version", "created_at", "updated_at", "trashed_at")


class DomainInstanceSerializer(InstanceSerializer):
    """An instance of the domain in the address."""

    domain_id = StrictUUIDField(read_only=True)


class InstancePagination(KeysetPagination):
    """Instances by last change, newest first."""

    fields = ("updated_at", "id")


@extend_schema_view(list=extend_schema(parameters=[*SLUG, *DOMAIN, ENVIRONMENT, *AGENT, TRASHED_PARAMETER]))
class InstanceViewSet(BaseViewSet):
    """Instances of the organization."""

    queryset = Instance.objects.all()
    serializer_class = InstanceSerializer
    pagination_class = InstancePagination
    permission_codes = {
        "list": "instance.read",
        "retrieve": "instance.read",
        "create": "instance.create",
        "update": "instance.update",
        "partial_update": "instance.update",
        "destroy": "instance.delete",
        "restore": "instance.delete",
    }
    query_parameters = {"list": frozenset({"slug", "domain_id", "environment", "agent_id", "trashed"})}

    def get_queryset(self) -> QuerySet[Instance]:
        instances = cast("InstanceQuerySet", super().get_queryset())
        if self.action != "list":
            return instances.active()
        query = QueryParameters(self.request)
        instances = instances.in_trash() if query.boolean("trashed") else instances.active()
        chosen = {
            "slug": query.text("slug"),
            "domain_id": query.uuid("domain_id"),
            "environment": query.choice("environment", ENVIRONMENTS.values),
        }
        instances = instances.filter(**{name: value for name, value in chosen.items() if value is not None})
        agent_id = query.uuid("agent_id")
        if agent_id is None:
            return instances
        return instances.filter(Exists(links_of(self.actor).filter(instance=OuterRef("pk"), agent=agent_id)))

    def paginate_queryset(self, queryset: Any) -> Any:
        return with_agents(super().paginate_queryset(queryset) or [], self.actor)

    def get_object(self) -> Instance:
        return with_agents([super().get_object()], self.actor)[0]

    @extend_schema(responses={201: InstanceSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.created(services.create_instance(actor=self.actor, fields=self.body()))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        instance = services.update_instance(
            actor=self.actor, instance_id=self.row_id(), changes=self.changes(), precondition=if_match(request)
        )
        return self.shown(instance)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.trash_instance(actor=self.actor, instance_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)

    @extend_schema(request=None, responses={200: InstanceSerializer})
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.shown(
            services.restore_instance(actor=self.actor, instance_id=self.row_id(), precondition=if_match(request))
        )


@extend_schema_view(list=extend_schema(parameters=[*SLUG, ENVIRONMENT, *AGENT, TRASHED_PARAMETER]))
class DomainInstancesViewSet(InstanceViewSet):
    """Instances of one domain."""

    serializer_class = DomainInstanceSerializer
    permission_codes = {"list": "instance.read", "create": "instance.create"}
    query_parameters = {"list": frozenset({"slug", "environment", "agent_id", "trashed"})}

    def get_queryset(self) -> QuerySet[Instance]:
        return super().get_queryset().filter(domain_id=self.row_id())

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self._find_domain()
        return super().list(request, *args, **kwargs)

    @extend_schema(responses={201: DomainInstanceSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self._find_domain()
        fields = {**self.body(), "domain_id": self.row_id()}
        return self.created(services.create_instance(actor=self.actor, fields=fields))

    def _find_domain(self) -> None:
        """Raises `NotFound` unless the domain in the address is there."""
        if not Domain.objects.visible_to(self.actor).active().filter(pk=self.row_id()).exists():
            raise NotFound
