"""Routes of memberships: who belongs to the organization. Joining goes through invitations."""

from __future__ import annotations

from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Membership, Role, User
from accounts.services import memberships as services
from core.access import HasPermissionCode
from core.errors import NotFound
from core.openapi import described
from core.pagination import KeysetPagination
from core.preconditions import if_match
from core.query import QueryParameters
from core.serializers import StrictModelSerializer, StrictSlugField, StrictUUIDField
from core.viewsets import BaseViewSet

ME = "me"
"""Stands for the id of one's own membership."""


class RoleSlugField(StrictSlugField):
    """A role by its slug."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 63, **options})

    def to_representation(self, value: Any) -> str:
        return cast("Role", value).slug


class MemberSerializer(serializers.ModelSerializer[User]):
    """A person as colleagues see them."""

    class Meta:
        model = User
        fields = ("id", "username", "email", "first_name", "last_name")


class MembershipSerializer(StrictModelSerializer):
    """A person in the organization. `role` is a slug; with a `domain_id` nothing outside of that domain is shown."""

    user = MemberSerializer(read_only=True)
    role = RoleSlugField()
    domain_id = StrictUUIDField(default=None, allow_null=True)

    class Meta:
        model = Membership
        fields = ("id", "user", "role", "domain_id", "version", "created_at", "updated_at")
        read_only_fields: ClassVar = ("id", "version", "created_at", "updated_at")


class MembershipPagination(KeysetPagination):
    """Memberships, newest first."""

    fields = ("created_at", "id")


class OwnMembership(HasPermissionCode):
    """Everybody sees and ends their own membership, whatever their role holds."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) or (request.auth is not None and view.is_own())


MEMBERSHIP_PARAMETERS = [
    *described({"role": "Only people with the role of this slug."}),
    OpenApiParameter("domain_id", OpenApiTypes.UUID, OpenApiParameter.QUERY, description="Only people of this domain."),
    OpenApiParameter("user_id", OpenApiTypes.UUID, OpenApiParameter.QUERY, description="Only this person."),
]


@extend_schema_view(list=extend_schema(parameters=MEMBERSHIP_PARAMETERS))
class MembershipViewSet(BaseViewSet):
    """People of the organization. `me` stands for the id of one's own membership."""

    queryset = Membership.objects.select_related("user", "role")
    serializer_class = MembershipSerializer
    pagination_class = MembershipPagination
    permission_classes = [OwnMembership]
    permission_codes = {
        "list": "membership.read",
        "retrieve": "membership.read",
        "partial_update": "membership.update",
        "destroy": "membership.delete",
    }
    query_parameters = {"list": frozenset({"role", "domain_id", "user_id"})}

    def get_queryset(self) -> QuerySet[Membership]:
        if self.action == "retrieve":
            return services.reachable_by(self.actor).select_related("user", "role")
        memberships = cast("QuerySet[Membership]", super().get_queryset())
        if self.action != "list":
            return memberships
        query = QueryParameters(self.request)
        chosen = {"role__slug": query.text("role"), "domain_id": query.uuid("domain_id")}
        chosen["user_id"] = query.uuid("user_id")
        return memberships.filter(**{name: value for name, value in chosen.items() if value is not None})

    def row_id(self) -> UUID:
        if self.kwargs["pk"] != ME:
            return super().row_id()
        own = self._own_id()
        if own is None:
            raise NotFound
        return own

    def is_own(self) -> bool:
        """Whether somebody who is logged in reads or ends their own membership."""
        if self.action not in ("retrieve", "destroy") or self.actor.kind != "user":
            return False
        try:
            return self.row_id() == self._own_id()
        except NotFound:
            return False

    def _own_id(self) -> UUID | None:
        actor = self.actor
        if actor.user_id is None:
            return None
        own = Membership.objects.filter(organization_id=actor.organization_id, user_id=actor.user_id)
        return own.values_list("pk", flat=True).first()

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        membership = services.update_membership(
            actor=self.actor, membership_id=self.row_id(), changes=self.body(), precondition=if_match(request)
        )
        return self.shown(membership)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.remove_membership(actor=self.actor, membership_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)
