"""Routes of organizations."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organization
from accounts.services import organizations as services
from core.pagination import KeysetPagination
from core.preconditions import if_match
from core.serializers import StrictChoiceField, StrictModelSerializer, StrictSlugField, VisibleCharField
from core.viewsets import BaseViewSet


class OrganizationSerializer(StrictModelSerializer):
    """An organization. `content_access` says what platform administrators who are no members may read of messages:
    `revealed` (after giving a reason, audited), `open` or `closed`."""

    name = VisibleCharField(max_length=255)
    slug = StrictSlugField(max_length=63, required=False)
    content_access = StrictChoiceField(choices=Organization.ContentAccess.choices, required=False)

    class Meta:
        model = Organization
        fields = ("id", "name", "slug", "content_access", "version", "created_at", "updated_at")
        read_only_fields: ClassVar = ("id", "version", "created_at", "updated_at")


class OrganizationPagination(KeysetPagination):
    """There is one row: that in which the caller acts."""

    fields = ("id",)


class OrganizationViewSet(BaseViewSet):
    """The organization in which the caller acts. Platform administrators make further ones."""

    queryset = Organization.objects.all()
    serializer_class = OrganizationSerializer
    pagination_class = OrganizationPagination
    permission_codes = {
        "list": "organization.read",
        "retrieve": "organization.read",
        "create": "organization.create",
        "update": "organization.update",
        "partial_update": "organization.update",
        "destroy": "organization.delete",
    }

    @extend_schema(
        description="Platform administrators make an organization and become its owner.",
        responses={201: OrganizationSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        actor = self.actor
        return self.created(services.found_organization(actor=actor, fields=self.body(), owner_id=actor.user_id))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        organization = services.update_organization(
            actor=self.actor, organization_id=self.row_id(), changes=self.body(), precondition=if_match(request)
        )
        return self.shown(organization)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    @extend_schema(
        description="Suspend the organization: nobody of it gets in any more, people and keys, until a platform "
        "administrator resumes it. Nothing is erased."
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.suspend_organization(actor=self.actor, organization_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)
