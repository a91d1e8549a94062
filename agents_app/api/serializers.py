"""The JSON shape of agents."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from agents_app.models import Agent
from core.serializers import (
    BoundedListField,
    StoredJSONField,
    StrictBooleanField,
    StrictCharField,
    StrictModelSerializer,
    StrictSlugField,
    StrictUUIDField,
    VisibleCharField,
)
from core.validators import validate_web_url

MAX_TRAITS = 100


class AvatarField(StrictCharField):
    """A web address, or null for none."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text:
            validate_web_url(text)
        return text

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return "" if data is None else super().run_validation(data)

    def to_representation(self, value: Any) -> Any:
        return value or None


class AgentSerializer(StrictModelSerializer):
    """An agent. `personality_traits` is a list of texts; `parameters` holds the model's parameters."""

    id = StrictUUIDField(required=False)
    name = VisibleCharField(max_length=255)
    slug = StrictSlugField(max_length=80, required=False)
    domain_id = StrictUUIDField(default=None, allow_null=True)
    description = StrictCharField(default="", allow_blank=True)
    instructions = StrictCharField(default="", allow_blank=True)
    backstory = StrictCharField(default="", allow_blank=True)
    personality_traits = BoundedListField(child=VisibleCharField(max_length=255), default=list, max_length=MAX_TRAITS)
    avatar_url = AvatarField(source="avatar", default="", allow_blank=True, allow_null=True, max_length=2048)
    agent_type = VisibleCharField(default="chat", max_length=50)
    provider = StrictCharField(default="", allow_blank=True, max_length=50)
    model = StrictCharField(default="", allow_blank=True, max_length=100)
    parameters = StoredJSONField(default=dict)
    tools = BoundedListField(child=StoredJSONField(), default=list, max_length=1000)
    metadata = StoredJSONField(default=dict)
    is_active = StrictBooleanField(default=True)

    class Meta:
        model = Agent
        fields = (
            "id",
            "name",
            "slug",
            "domain_id",
            "description",
            "instructions",
            "backstory",
            "personality_traits",
            "avatar_url",
            "agent_type",
            "provider",
            "model",
            "parameters",
            "tools",
            "metadata",
            "is_active",
            "version",
            "created_at",
            "updated_at",
            "trashed_at",
        )
        read_only_fields: ClassVar = ("version", "created_at", "updated_at", "trashed_at")


class PersonaSerializer(serializers.Serializer[Agent]):
    """The persona of an agent, in the form of agent services that know nothing else."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    backstory = serializers.CharField(allow_null=True)
    personality_traits = BoundedListField(child=serializers.CharField())
    avatar_url = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: Agent) -> dict[str, Any]:
        return instance.to_dict()
