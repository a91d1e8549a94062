"""Routes of roles, and of the permissions that they hold."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Permission, Role
from accounts.permissions import PERMISSIONS, PLATFORM_PERMISSIONS
from accounts.querysets import RoleQuerySet
from accounts.services import roles as services
from core.openapi import described
from core.pagination import KeysetPagination
from core.preconditions import if_match
from core.query import QueryParameters
from core.serializers import (
    BoundedListField,
    StrictCharField,
    StrictModelSerializer,
    StrictSlugField,
    StrictUUIDField,
    VisibleCharField,
)
from core.viewsets import BaseViewSet

MAX_CODES = 200


class PermissionCodeField(StrictCharField):
    """A code of the catalogue that an organization can give."""

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if code not in PERMISSIONS:
            raise serializers.ValidationError(f"There is no permission {code[:80]!r}.")
        if code in PLATFORM_PERMISSIONS:
            raise serializers.ValidationError(f"{code} belongs to platform administrators: no role holds it.")
        return code


class RoleSerializer(StrictModelSerializer):
    """A role. `permissions` is a set of codes, shown in order; `is_built_in` tells the product's from your own."""

    id = StrictUUIDField(required=False)
    name = VisibleCharField(max_length=255)
    slug = StrictSlugField(max_length=63, required=False)
    description = StrictCharField(default="", allow_blank=True, max_length=10_000)
    permissions = BoundedListField(child=PermissionCodeField(), max_length=MAX_CODES)
    is_built_in = serializers.BooleanField(read_only=True)

    class Meta:
        model = Role
        fields = (
            "id",
            "name",
            "slug",
            "description",
            "permissions",
            "is_built_in",
            "version",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = ("version", "created_at", "updated_at")

    def validate_permissions(self, codes: list[str]) -> list[str]:
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise serializers.ValidationError(f"Given twice: {', '.join(twice)}.")
        return sorted(codes)


class RolePagination(KeysetPagination):
    """Roles in the order in which they were made."""

    fields = ("created_at", "id")
    default_order = "asc"


ROLE_PARAMETERS = [
    *described({"slug": "Only the role with this slug."}),
    OpenApiParameter(
        "is_built_in",
        OpenApiTypes.BOOL,
        OpenApiParameter.QUERY,
        description="`true`: only the product's roles, `false`: only your own.",
    ),
]


@extend_schema_view(list=extend_schema(parameters=ROLE_PARAMETERS))
class RoleViewSet(BaseViewSet):
    """The built-in roles, and the organization's own."""

    queryset = Role.objects.all()
    serializer_class = RoleSerializer
    pagination_class = RolePagination
    permission_codes = {
        "list": "role.read",
        "retrieve": "role.read",
        "create": "role.create",
        "update": "role.update",
        "partial_update": "role.update",
        "destroy": "role.delete",
    }
    query_parameters = {"list": frozenset({"slug", "is_built_in"})}

    def get_queryset(self) -> QuerySet[Role]:
        roles = cast("RoleQuerySet", super().get_queryset())
        if self.action != "list":
            return roles
        query = QueryParameters(self.request)
        if (slug := query.text("slug")) is not None:
            roles = roles.filter(slug=slug)
        is_built_in = query.boolean("is_built_in")
        return roles if is_built_in is None else roles.filter(organization__isnull=is_built_in)

    @extend_schema(responses={201: RoleSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.created(services.create_role(actor=self.actor, fields=self.body()))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        role = services.update_role(
            actor=self.actor, role_id=self.row_id(), changes=self.changes(), precondition=if_match(request)
        )
        return self.shown(role)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete_role(actor=self.actor, role_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)


class PermissionSerializer(serializers.Serializer[Any]):
    """A permission of the catalogue; `is_held` tells whether the caller has it."""

    code = serializers.CharField()
    description = serializers.CharField()
    is_held = serializers.BooleanField()


class PermissionCatalogueSerializer(serializers.Serializer[Any]):
    """The whole catalogue on one page."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = PermissionSerializer(many=True)


class PermissionViewSet(BaseViewSet):
    """Every permission there is."""

    queryset = Permission.objects.none()
    serializer_class = PermissionCatalogueSerializer
    permission_codes = {"catalogue": "role.read"}

    @extend_schema(responses={200: PermissionCatalogueSerializer})
    def catalogue(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        found = [
            {"code": code, "description": text, "is_held": self.actor.can(code)} for code, text in PERMISSIONS.items()
        ]
        return Response({"next": None, "previous": None, "results": found})
