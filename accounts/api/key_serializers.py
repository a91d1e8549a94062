"""The JSON shape of API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers

from accounts.api.roles import MAX_CODES, PermissionCodeField
from accounts.models import ApiKey
from core.networks import parse_network
from core.serializers import (
    BoundedListField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictModelSerializer,
    StrictSerializer,
    UTCDateTimeField,
    VisibleCharField,
)

MAX_NETWORKS = 32
"""Each costs a comparison at every use of the key."""

MAX_OVERLAP_HOURS = 24 * 90

FIELDS = (
    "id",
    "name",
    "kind",
    "user_id",
    "prefix",
    "permissions",
    "is_read_only",
    "allowed_networks",
    "is_imported",
    "state",
    "created_by_id",
    "expires_at",
    "revoked_at",
    "last_used_at",
    "version",
    "created_at",
    "updated_at",
)
WRITABLE = frozenset({"name", "permissions", "is_read_only", "allowed_networks", "expires_at"})

STATES = ("active", "expired", "revoked")
KINDS = ("service", "personal")


class NetworkField(StrictCharField):
    """A network such as 192.0.2.0/24 or 2001:db8::/32, or one address; kept in its shortest form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 60, **options})

    def to_internal_value(self, data: Any) -> str:
        try:
            return str(parse_network(super().to_internal_value(data)))
        except ValueError:
            message = "Give a network such as 192.0.2.0/24, without bits behind the mask, or an address."
            raise serializers.ValidationError(message) from None


class KeySerializer(StrictModelSerializer):
    """An API key, never its secret. `prefix` is the part that may be shown, `state` is active, expired or revoked.

    `permissions` narrows a key to some codes; null: all that the organization has, or the owner's role.
    `allowed_networks` says from where it works; empty: from anywhere. `last_used_at` is exact to the minute and does
    not count the version up.
    """

    name = VisibleCharField(max_length=255)
    kind = serializers.SerializerMethodField()
    user_id = serializers.UUIDField(read_only=True, allow_null=True)
    prefix = serializers.CharField(source="shown_prefix", read_only=True)
    permissions = BoundedListField(child=PermissionCodeField(), max_length=MAX_CODES, required=False, allow_null=True)
    is_read_only = StrictBooleanField(default=False)
    allowed_networks = BoundedListField(child=NetworkField(), max_length=MAX_NETWORKS, default=list)
    state = serializers.SerializerMethodField()
    created_by_id = serializers.UUIDField(read_only=True, allow_null=True)
    expires_at = UTCDateTimeField(default=None, allow_null=True)

    class Meta:
        model = ApiKey
        fields: ClassVar[tuple[str, ...]] = FIELDS
        read_only_fields: ClassVar = tuple(name for name in FIELDS if name not in WRITABLE)

    def get_kind(self, key: ApiKey) -> str:
        return "service" if key.user_id is None else "personal"

    def get_state(self, key: ApiKey) -> str:
        if key.revoked_at is not None:
            return "revoked"
        return "expired" if key.expires_at is not None and key.expires_at <= timezone.now() else "active"

    def validate_permissions(self, codes: list[str] | None) -> list[str] | None:
        return None if codes is None else sorted(set(codes))

    def validate_allowed_networks(self, networks: list[str]) -> list[str]:
        return list(dict.fromkeys(networks))

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError("Give a moment in the future; delete a key that shall be refused now.")
        return moment


class NewKeySerializer(KeySerializer):
    """A key to be made. Without `permissions` it gets all that you may give; `personal` makes it act for you.

    The answer holds the `key` itself, this once: a repeated request finds null there.
    """

    personal = StrictBooleanField(default=False, write_only=True)
    key = serializers.SerializerMethodField()

    class Meta(KeySerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*FIELDS, "personal", "key")

    def get_key(self, key: ApiKey) -> str | None:
        text: str | None = self.context.get("key")
        return text


class RotationSerializer(StrictSerializer):
    """How long the old key goes on working beside its successor."""

    overlap_hours = StrictIntegerField(default=24, min_value=0, max_value=MAX_OVERLAP_HOURS)
