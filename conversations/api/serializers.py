"""The JSON shapes of threads, messages and feedback."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from conversations import services
from conversations.models import Feedback, Message, Thread
from conversations.services.appending import MAX_BATCH
from core.fast.bodies import NotPlain, Take
from core.serializers import (
    BoundedListField,
    StoredJSONField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictModelSerializer,
    StrictSerializer,
    StrictUUIDField,
    UTCDateTimeField,
    VisibleCharField,
)

MAX_PARTS = 10_000

SESSION_DEFAULTS = {"agent_type": "chat", "model": "unspecified", "provider": "unspecified"}
"""What a thread has that was made under a name of systems that know no agents."""


class ThreadSerializer(StrictModelSerializer):
    """A thread. `agent_type`, `model` and `provider` are required unless `agent_id` names an agent that has them."""

    id = StrictUUIDField(required=False)
    agent_id = StrictUUIDField(allow_null=True, default=None)
    domain_id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="That of its agent, or the one its author is narrowed to."
    )
    title = StrictCharField(max_length=255, allow_null=True, allow_blank=True, default=None)
    agent_type = VisibleCharField(max_length=50, required=False)
    model = VisibleCharField(max_length=100, required=False)
    provider = VisibleCharField(max_length=50, required=False)
    metadata = StoredJSONField(default=dict)
    external_id = VisibleCharField(max_length=255, allow_null=True, default=None)
    archived = StrictBooleanField(write_only=True, required=False, help_text="Sets or clears `archived_at`.")
    active_leaf_id = StrictUUIDField(
        write_only=True, required=False, help_text="Shows the branch that ends in this message."
    )

    class Meta:
        model = Thread
        fields = (
            "id",
            "agent_id",
            "domain_id",
            "title",
            "agent_type",
            "model",
            "provider",
            "status",
            "metadata",
            "external_id",
            "archived",
            "active_leaf_id",
            "message_count",
            "last_position",
            "active_leaf_position",
            "last_message_at",
            "version",
            "archived_at",
            "trashed_at",
            "created_at",
            "updated_at",
        )
        read_only_fields: ClassVar = (
            "status",
            "message_count",
            "last_position",
            "last_message_at",
            "version",
            "archived_at",
            "trashed_at",
            "created_at",
            "updated_at",
        )

    active_leaf_position = serializers.IntegerField(
        source="leaf_position", read_only=True, help_text="Position of the message that the next one answers."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        method = self.context["request"].method
        if method == "POST" and (surplus := [name for name in ("archived", "active_leaf_id") if name in attrs]):
            raise serializers.ValidationError({name: ["A new thread cannot have this."] for name in surplus})
        if method == "PUT" and (missing := [name for name in services.FROM_AGENT if name not in attrs]):
            raise serializers.ValidationError({name: ["This field is required."] for name in missing})
        return attrs


class SessionSerializer(ThreadSerializer):
    """A thread under the names of systems that know no agents: the three required fields have defaults."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_replacement = self.context["request"].method == "PUT"
        return super().validate({**SESSION_DEFAULTS, **attrs} if is_replacement else attrs)


class PartsField(BoundedListField):
    """Typed parts in order; a type that Parley does not know is kept as it came."""

    child = StoredJSONField()

    def to_internal_value(self, data: Any) -> list[Any]:
        values: list[Any] = super().to_internal_value(data)
        for index, part in enumerate(values):
            if not isinstance(part, dict) or not isinstance(part.get("type"), str):
                raise serializers.ValidationError({str(index): ["A part is an object with a text `type`."]})
        return values

    @staticmethod
    def plain_taker(_field: Any) -> Take:
        return take_parts


def take_parts(value: Any) -> list[Any]:
    """A plain list of parts as it is; raises `NotPlain` for what `PartsField` has to look at."""
    if type(value) is not list or len(value) > MAX_PARTS:
        raise NotPlain
    if not all(type(part) is dict and type(part.get("type")) is str for part in value):
        raise NotPlain
    return value


def renamed(fields: tuple[str, ...], thread_id: str) -> tuple[str, ...]:
    """The fields of a message with another name for `thread_id`."""
    return tuple(thread_id if name == "thread_id" else name for name in fields)


class MessageSerializer(StrictModelSerializer):
    """A message. `content` is text or null; `parts` holds it in typed parts where it is more than text."""

    id = StrictUUIDField(required=False)
    parent_id = StrictUUIDField(
        allow_null=True,
        required=False,
        help_text="The message this one answers. Missing: the thread's active leaf. Null: none.",
    )
    role = StrictChoiceField(choices=Message.Role.choices)
    content = StrictCharField(allow_null=True, allow_blank=True, default=None)
    parts = PartsField(allow_null=True, required=False, max_length=MAX_PARTS)
    artifact_data = StoredJSONField(required=False, allow_null=True)
    metadata = StoredJSONField(required=False, allow_null=True)
    external_id = VisibleCharField(max_length=255, allow_null=True, required=False)
    status = StrictChoiceField(choices=Message.Status.choices, required=False)
    provider = StrictCharField(max_length=50, allow_blank=True, required=False)
    model = StrictCharField(max_length=100, allow_blank=True, required=False)
    usage = StoredJSONField(kind=dict, required=False, allow_null=True)
    finish_reason = StrictCharField(max_length=50, allow_blank=True, required=False)
    created_at = UTCDateTimeField(required=False, help_text="The source's time, the time of arrival unless given.")

    class Meta:
        model = Message
        fields: tuple[str, ...] = (
            "id",
            "thread_id",
            "position",
            "parent_id",
            "role",
            "content",
            "parts",
            "artifact_data",
            "metadata",
            "external_id",
            "status",
            "provider",
            "model",
            "usage",
            "finish_reason",
            "created_at",
            "version",
        )
        read_only_fields: ClassVar = ("thread_id", "position", "version")


class ConversationMessageSerializer(MessageSerializer):
    """A message under `/api/conversations`."""

    conversation_id = serializers.UUIDField(source="thread_id", read_only=True)

    class Meta(MessageSerializer.Meta):
        fields = renamed(MessageSerializer.Meta.fields, "conversation_id")
        read_only_fields: ClassVar = ("conversation_id", "position", "version")


class SessionMessageSerializer(MessageSerializer):
    """A message under `/api/sessions`."""

    session_id = serializers.UUIDField(source="thread_id", read_only=True)

    class Meta(MessageSerializer.Meta):
        fields = renamed(MessageSerializer.Meta.fields, "session_id")
        read_only_fields: ClassVar = ("session_id", "position", "version")


class BatchSerializer(StrictSerializer):
    """Up to 1,000 messages, appended all or none."""

    messages = BoundedListField(child=serializers.DictField(), allow_empty=False, max_length=MAX_BATCH)


class FeedbackSerializer(StrictModelSerializer):
    """Feedback on a message: at least one of rating, comment and payload."""

    id = StrictUUIDField(required=False)
    rating = StrictIntegerField(allow_null=True, default=None, min_value=-1, max_value=1)
    comment = StrictCharField(allow_blank=True, default="", max_length=100_000)
    payload = StoredJSONField(required=False, allow_null=True)

    class Meta:
        model = Feedback
        fields = (
            "id",
            "message_id",
            "rating",
            "comment",
            "payload",
            "version",
            "created_at",
            "updated_at",
            "trashed_at",
        )
        read_only_fields: ClassVar = ("message_id", "version", "created_at", "updated_at", "trashed_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_empty = attrs.get("rating") is None and not attrs.get("comment") and "payload" not in attrs
        if is_empty and not self.partial:
            raise serializers.ValidationError("Give a rating, a comment or a payload.")
        return attrs
