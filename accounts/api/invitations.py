"""Routes of invitations. The address of an invitation is shown by the answer that made it, and never again."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.core.validators import EmailValidator
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.memberships import RoleSlugField
from accounts.models import Invitation
from accounts.querysets import InvitationQuerySet
from accounts.services import invitations as services
from core.pagination import KeysetPagination
from core.preconditions import etag, if_match
from core.query import QueryParameters
from core.serializers import StrictCharField, StrictIntegerField, StrictModelSerializer, StrictUUIDField
from core.viewsets import BaseViewSet

FIELDS = (
    "id",
    "email",
    "role",
    "domain_id",
    "state",
    "created_by_id",
    "expires_at",
    "accepted_at",
    "revoked_at",
    "version",
    "created_at",
    "updated_at",
)
STATES = ("open", "accepted", "revoked", "expired")


class EmailAddressField(StrictCharField):
    """An e-mail address, as it is written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 254, **options})
        self.validators.append(EmailValidator("Give an e-mail address."))


class InvitationSerializer(StrictModelSerializer):
    """An invitation. `state` is open, accepted, revoked or expired."""

    email = EmailAddressField()
    role = RoleSlugField()
    domain_id = StrictUUIDField(default=None, allow_null=True)
    created_by_id = serializers.UUIDField(read_only=True, allow_null=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = Invitation
        fields: ClassVar[tuple[str, ...]] = FIELDS
        read_only_fields: ClassVar = tuple(name for name in FIELDS if name not in ("email", "role", "domain_id"))

    def get_state(self, invitation: Invitation) -> str:
        if invitation.accepted_at:
            return "accepted"
        if invitation.revoked_at:
            return "revoked"
        return "open" if invitation.is_open_at(timezone.now()) else "expired"


class NewInvitationSerializer(InvitationSerializer):
    """An invitation to be made; the answer shows its `url`, null where the request is repeated."""

    expires_in_days = StrictIntegerField(
        default=services.DEFAULT_DAYS, min_value=1, max_value=services.MAX_DAYS, write_only=True
    )
    url = serializers.SerializerMethodField()

    class Meta(InvitationSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*FIELDS, "expires_in_days", "url")

    def get_url(self, invitation: Invitation) -> str | None:
        address: str | None = self.context.get("url")
        return address


class InvitationPagination(KeysetPagination):
    """Invitations, newest first."""

    fields = ("created_at", "id")


STATE_PARAMETER = OpenApiParameter(
    "state", OpenApiTypes.STR, OpenApiParameter.QUERY, enum=STATES, description="Only invitations in this state."
)


@extend_schema_view(list=extend_schema(parameters=[STATE_PARAMETER]))
class InvitationViewSet(BaseViewSet):
    """Invitations to join the organization."""

    queryset = Invitation.objects.select_related("role")
    serializer_class = InvitationSerializer
    pagination_class = InvitationPagination
    secret_fields = ("url",)
    permission_codes = {
        "list": "invitation.read",
        "retrieve": "invitation.read",
        "create": "invitation.create",
        "destroy": "invitation.delete",
    }
    query_parameters = {"list": frozenset({"state"})}

    def get_serializer_class(self) -> type[InvitationSerializer]:
        return NewInvitationSerializer if self.action == "create" else InvitationSerializer

    def get_queryset(self) -> QuerySet[Invitation]:
        invitations = cast("InvitationQuerySet", super().get_queryset())
        state = QueryParameters(self.request).choice("state", STATES) if self.action == "list" else None
        return invitations if state is None else invitations.in_state(state, timezone.now())

    @extend_schema(request=NewInvitationSerializer, responses={201: NewInvitationSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        invitation, secret = services.create_invitation(actor=self.actor, **self.body())
        url = request.build_absolute_uri(reverse("invitation", args=[secret]))
        shown = NewInvitationSerializer(invitation, context={**self.get_serializer_context(), "url": url})
        return Response(shown.data, status=201, headers={"ETag": etag(invitation.version)})

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.revoke_invitation(actor=self.actor, invitation_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)
