"""Routes of domains."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Domain
from accounts.querysets import DomainQuerySet
from accounts.services import domains as services
from core.openapi import TRASHED_PARAMETER, described
from core.pagination import KeysetPagination
from core.preconditions import if_match
from core.query import QueryParameters
from core.serializers import (
    StoredJSONField,
    StrictCharField,
    StrictModelSerializer,
    StrictSlugField,
    StrictUUIDField,
    VisibleCharField,
)
from core.viewsets import BaseViewSet

FILTERS = {"slug": "Only the domain with this slug."}


class DomainSerializer(StrictModelSerializer):
    """A part of an organization. The slug is unique among its domains; one is made from the name when missing."""

    id = StrictUUIDField(required=False)
    name = VisibleCharField(max_length=255)
    slug = StrictSlugField(max_length=63, required=False)
    description = StrictCharField(default="", allow_blank=True)
    metadata = StoredJSONField(default=dict)

    class Meta:
        model = Domain
        fields = (
            "id",
            "name",
            "slug",
            "description",
            "metadata",
            "version",
            "created_at",
            "updated_at",
            "trashed_at",
        )
        read_only_fields: ClassVar = ("version", "created_at", "updated_at", "trashed_at")


class DomainPagination(KeysetPagination):
    """Domains by last change, newest first."""

    fields = ("updated_at", "id")


@extend_schema_view(list=extend_schema(parameters=[*described(FILTERS), TRASHED_PARAMETER]))
class DomainViewSet(BaseViewSet):
    """Domains of the organization."""

    queryset = Domain.objects.all()
    serializer_class = DomainSerializer
    pagination_class = DomainPagination
    permission_codes = {
        "list": "domain.read",
        "retrieve": "domain.read",
        "create": "domain.create",
        "update": "domain.update",
        "partial_update": "domain.update",
        "destroy": "domain.delete",
        "restore": "domain.delete",
    }
    query_parameters = {"list": frozenset({*FILTERS, "trashed"})}

    def get_queryset(self) -> QuerySet[Domain]:
        domains = cast("DomainQuerySet", super().get_queryset())
        if self.action != "list":
            return domains.active()
        query = QueryParameters(self.request)
        domains = domains.in_trash() if query.boolean("trashed") else domains.active()
        slug = query.text("slug")
        return domains if slug is None else domains.filter(slug=slug)

    @extend_schema(responses={201: DomainSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.created(services.create_domain(actor=self.actor, fields=self.body()))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        domain = services.update_domain(
            actor=self.actor, domain_id=self.row_id(), changes=self.changes(), precondition=if_match(request)
        )
        return self.shown(domain)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    @extend_schema(
        description="Move the domain to the trash. While instances, agents, memberships or open invitations belong "
        "to it, the answer is 409 `domain_in_use`."
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.trash_domain(actor=self.actor, domain_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)

    @extend_schema(request=None, responses={200: DomainSerializer})
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.shown(
            services.restore_domain(actor=self.actor, domain_id=self.row_id(), precondition=if_match(request))
        )
