"""Who am I: the caller as the server sees them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.identity import Identity, identity_of
from accounts.models import Organization
from core.access import ANY_ACTOR
from core.viewsets import BaseViewSet


class PersonSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    email = serializers.CharField()


class OwnKeySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The part of the key that may be shown.")


class NamedSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class IdentitySerializer(serializers.Serializer[Identity]):
    """The caller: `user` and `role` are null for a service's key, `key` is null for a log-in in the browser."""

    kind = serializers.ChoiceField(choices=["user", "key"])
    label = serializers.CharField()  # type: ignore[assignment]  # a serializer has a label of its own
    user = PersonSerializer(allow_null=True)
    key = OwnKeySerializer(allow_null=True)
    organization = NamedSerializer()
    role = NamedSerializer(allow_null=True)
    domain_id = serializers.UUIDField(allow_null=True)
    permissions = serializers.ListField(child=serializers.CharField())


class MeViewSet(BaseViewSet):
    """The caller, the organization in which they act, and what they may do there."""

    queryset = Organization.objects.all()
    serializer_class = IdentitySerializer
    permission_codes = {"show": ANY_ACTOR}

    @extend_schema(operation_id="me", responses={200: IdentitySerializer})
    def show(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(IdentitySerializer(identity_of(self.actor)).data)
