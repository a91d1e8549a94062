"""Routes of API keys. A key is shown by the answer that made it, and never again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.key_serializers import KINDS, STATES, KeySerializer, NewKeySerializer, RotationSerializer
from accounts.models import ApiKey
from accounts.querysets import ApiKeyQuerySet
from accounts.services import keys as services
from core.pagination import KeysetPagination
from core.preconditions import etag, if_match
from core.query import QueryParameters
from core.viewsets import BaseViewSet


class KeyPagination(KeysetPagination):
    """Keys, newest first."""

    fields = ("created_at", "id")


def _choice(name: str, values: tuple[str, ...], text: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.QUERY, enum=values, description=text)


FILTERS = [
    _choice("kind", KINDS, "Only keys of services, or of persons."),
    _choice("state", STATES, "Only keys in this state."),
]


@extend_schema_view(list=extend_schema(parameters=FILTERS))
class KeyViewSet(BaseViewSet):
    """API keys of the organization, never their secrets. Nobody makes a key that can do more than they can."""

    queryset = ApiKey.objects.all()
    serializer_class = KeySerializer
    pagination_class = KeyPagination
    secret_fields = ("key",)
    permission_codes = {
        "list": "key.read",
        "retrieve": "key.read",
        "create": "key.create",
        "rotate": "key.create",
        "partial_update": "key.update",
        "destroy": "key.delete",
    }
    query_parameters = {"list": frozenset({"kind", "state"})}

    def get_serializer_class(self) -> type[Any]:
        return {"create": NewKeySerializer, "rotate": RotationSerializer}.get(self.action, KeySerializer)

    def get_queryset(self) -> QuerySet[ApiKey]:
        keys = cast("ApiKeyQuerySet", super().get_queryset())
        if self.action != "list":
            return keys
        query = QueryParameters(self.request)
        kind, state = query.choice("kind", KINDS), query.choice("state", STATES)
        if kind is not None:
            keys = keys.filter(user__isnull=kind == "service")
        return keys if state is None else keys.in_state(state, timezone.now())

    @extend_schema(responses={201: NewKeySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        fields = self.body()
        owner_id = None
        if fields.pop("personal"):
            owner_id = self.actor.user_id
            if owner_id is None:
                raise ValidationError({"personal": ["A service's key acts for nobody; log in as yourself."]})
        return self._shown_once(*services.issue_key(actor=self.actor, fields=fields, owner_id=owner_id))

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = services.change_key(
            actor=self.actor, key_id=self.row_id(), changes=self.body(), precondition=if_match(request)
        )
        return self.shown(key)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Revoke the key at once and for good. It stays visible; revoking it again changes nothing."""
        services.revoke_key(actor=self.actor, key_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)

    @extend_schema(request=RotationSerializer, responses={201: NewKeySerializer})
    def rotate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make the successor of a key, with the same bounds and lifetime; the old one works for the overlap."""
        overlap = timedelta(hours=self.body()["overlap_hours"])
        made = services.rotate_key(
            actor=self.actor, key_id=self.row_id(), overlap=overlap, precondition=if_match(request)
        )
        return self._shown_once(*made)

    def _shown_once(self, key: ApiKey, text: str) -> Response:
        data = NewKeySerializer(key, context={"key": text}).data
        return Response(data, status=201, headers={"ETag": etag(key.version), "Cache-Control": "no-store"})
