"""Routes of integrations."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents_app import integrations as services
from agents_app.connections import check_connection
from agents_app.models import IntegrationConfig
from agents_app.querysets import IntegrationConfigQuerySet
from agents_app.validators import MAX_SECRET_LENGTH, read_secrets, validate_base_url, validate_settings
from core.openapi import TRASHED_PARAMETER, described
from core.pagination import KeysetPagination
from core.preconditions import etag, if_match
from core.query import QueryParameters
from core.secrets import SecretText
from core.serializers import (
    StoredJSONField,
    StrictBooleanField,
    StrictCharField,
    StrictModelSerializer,
    StrictSlugField,
    StrictUUIDField,
    VisibleCharField,
)
from core.viewsets import BaseViewSet


@extend_schema_field(
    {
        "type": "object",
        "description": "Texts by name, null removes one; those not named stay. Never shown again.",
        "additionalProperties": {"type": "string", "nullable": True, "minLength": 1, "maxLength": MAX_SECRET_LENGTH},
    }
)
class SecretsField(serializers.Field):  # type: ignore[type-arg]  # generic only for the type checker
    """Named texts that go in and never out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(write_only=True, required=False, **options)

    @sensitive_variables()
    def to_internal_value(self, data: Any) -> dict[str, SecretText | None]:
        return read_secrets(data)


class BaseURLField(StrictCharField):
    """A web address that is public at first sight, or empty."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text:
            validate_base_url(text)
        return text


class SettingsField(StoredJSONField):
    """A JSON object in which nothing has the name of a secret."""

    def __init__(self, **options: Any) -> None:
        super().__init__(kind=dict, **options)

    def to_internal_value(self, data: Any) -> Any:
        validate_settings(data)
        return data


class IntegrationSerializer(StrictModelSerializer):
    """An integration. `secrets` is only written; `secret_names` tells which ones are set."""

    id = StrictUUIDField(required=False)
    name = VisibleCharField(max_length=255)
    slug = StrictSlugField(max_length=80, required=False)
    kind = VisibleCharField(max_length=50)
    base_url = BaseURLField(default="", allow_blank=True, max_length=2048)
    settings = SettingsField(default=dict)
    secrets = SecretsField()
    secret_names = serializers.ListField(child=serializers.CharField(), read_only=True)
    is_active = StrictBooleanField(default=True)
    last_test_status = serializers.ChoiceField(
        IntegrationConfig.TestStatus.choices, allow_blank=True, read_only=True, help_text="Empty before the first test."
    )

    class Meta:
        model = IntegrationConfig
        fields = (
            *("id", "name", "slug", "kind", "base_url", "settings", "secrets", "secret_names", "is_active"),
            *("last_tested_at", "last_test_status", "last_test_detail"),
            *("version", "created_at", "updated_at", "trashed_at"),
        )
        read_only_fields: ClassVar = (
            *("last_tested_at", "last_test_detail"),
            *("version", "created_at", "updated_at", "trashed_at"),
        )


class ConnectionTestSerializer(serializers.Serializer[IntegrationConfig]):
    """What came of a test. `detail` is a status line or a reason, never anything of the answer's body."""

    status = serializers.ChoiceField(IntegrationConfig.TestStatus.choices, source="last_test_status")
    detail = serializers.CharField(source="last_test_detail")
    tested_at = serializers.DateTimeField(source="last_tested_at")


class IntegrationPagination(KeysetPagination):
    """Integrations by last change, newest first."""

    fields = ("updated_at", "id")


FILTERS = {"kind": "Only integrations of this kind.", "slug": "Only the integration with this slug."}


@extend_schema_view(list=extend_schema(parameters=[*described(FILTERS), TRASHED_PARAMETER]))
class IntegrationViewSet(BaseViewSet):
    """Model providers, webhooks and other services that the organization uses."""

    queryset = IntegrationConfig.objects.without_secrets()
    serializer_class = IntegrationSerializer
    pagination_class = IntegrationPagination
    permission_codes = {
        "list": "integration.read",
        "retrieve": "integration.read",
        "create": "integration.create",
        "update": "integration.update",
        "partial_update": "integration.update",
        "destroy": "integration.delete",
        "restore": "integration.delete",
        "test": "integration.test",
    }
    query_parameters = {"list": frozenset({*FILTERS, "trashed"})}
    waiting_actions = frozenset({"test"})

    def get_queryset(self) -> QuerySet[IntegrationConfig]:
        rows = cast("IntegrationConfigQuerySet", super().get_queryset())
        if self.action != "list":
            return rows.active()
        query = QueryParameters(self.request)
        chosen = {name: value for name in FILTERS if (value := query.text(name)) is not None}
        return (rows.in_trash() if query.boolean("trashed") else rows.active()).filter(**chosen)

    @extend_schema(responses={201: IntegrationSerializer})
    @sensitive_variables()
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        fields = self.body()
        secrets = fields.pop("secrets", None)
        return self.created(services.create_integration(actor=self.actor, fields=fields, secrets=secrets))

    @sensitive_variables()
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        changes = self.changes()
        secrets = changes.pop("secrets", None)
        row = services.update_integration(
            actor=self.actor,
            integration_id=self.row_id(),
            changes=changes,
            secrets=secrets,
            precondition=if_match(request),
        )
        return self.shown(row)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.trash_integration(actor=self.actor, integration_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)

    @extend_schema(request=None, responses={200: IntegrationSerializer})
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.shown(
            services.restore_integration(actor=self.actor, integration_id=self.row_id(), precondition=if_match(request))
        )

    @extend_schema(request=None, responses={200: ConnectionTestSerializer})
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send one cheap request to the service and tell what came of it."""
        row = check_connection(actor=self.actor, integration_id=self.row_id(), precondition=if_match(request))
        return Response(ConnectionTestSerializer(row).data, headers={"ETag": etag(row.version)})
