"""Routes of messages: in their thread, and alone by their id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from conversations import services
from conversations.api.parents import attach_parents
from conversations.api.serializers import (
    BatchSerializer,
    ConversationMessageSerializer,
    MessageSerializer,
    SessionMessageSerializer,
)
from conversations.models import Message, Thread
from conversations.querysets import MessageQuerySet
from conversations.search import matching
from core.errors import NotFound
from core.openapi import TRASHED_PARAMETER, described
from core.pagination import KeysetPagination
from core.preconditions import etag, if_match, is_unchanged
from core.query import QueryParameters
from core.viewsets import BaseViewSet

BRANCHES = OpenApiParameter(
    "branches",
    OpenApiTypes.STR,
    OpenApiParameter.QUERY,
    enum=["active", "all"],
    default="active",
    description="`active`: the path to the active leaf. `all`: the whole tree, in order of arrival.",
)


class MessagePagination(KeysetPagination):
    """Messages by position, oldest first."""

    fields = ("position",)
    default_order = "asc"


class MessageSearchPagination(KeysetPagination):
    """Messages by id, newest first."""

    fields = ("id",)


class ThreadMessagesViewSet(BaseViewSet):
    """The messages of one thread."""

    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    pagination_class = MessagePagination
    permission_codes = {"list": "message.read", "create": "message.create", "batch": "message.create"}
    query_parameters = {"list": frozenset({"branches", "trashed"})}

    @extend_schema(parameters=[BRANCHES, TRASHED_PARAMETER])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        thread = self.thread()
        query = QueryParameters(request)
        wants_all = query.choice("branches", ("active", "all")) == "all"
        found = cast("MessageQuerySet", self.get_queryset()).of_thread(thread)
        messages = found.on_path(None if wants_all else thread.path)
        rows = self.paginate_queryset(messages.in_trash() if query.boolean("trashed") else messages.active())
        return self.get_paginated_response(self.get_serializer(attach_parents(rows or []), many=True).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        try:
            rows = services.append_messages(actor=self.actor, thread_id=self.thread_id(), messages=[self.body()])
        except services.InvalidParent as error:
            raise ValidationError({"parent_id": [error.reason]}) from None
        return self.created(attach_parents(rows)[0])

    @extend_schema(request=BatchSerializer, responses={201: BatchSerializer})
    def batch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = services.append_messages(actor=self.actor, thread_id=self.thread_id(), messages=self.batch_body())
        data = self.get_serializer(attach_parents(rows), many=True).data
        return Response({"messages": data}, status=201)

    def batch_body(self) -> Sequence[dict[str, Any]]:
        """The validated messages; raises ValidationError naming the index of each message at fault."""
        envelope = BatchSerializer(data=self.request.data)
        envelope.is_valid(raise_exception=True)
        messages = envelope.validated_data["messages"]
        serializer = self.get_serializer(data=messages, many=True)
        if not serializer.is_valid():
            raise ValidationError({"messages": cast("list[Any]", serializer.errors)})
        ids = [message["id"] for message in serializer.validated_data if "id" in message]
        if len(ids) != len(set(ids)):
            raise ValidationError({"messages": ["Two messages of the batch have the same id."]})
        return list(serializer.validated_data)

    def thread_id(self) -> UUID:
        return self.row_id()

    def thread(self) -> Thread:
        """The thread in the address; raises `NotFound`."""
        thread = Thread.objects.visible_to(self.actor).active().filter(pk=self.thread_id()).first()
        if thread is None:
            raise NotFound
        return thread


class ConversationMessagesViewSet(ThreadMessagesViewSet):
    """The messages of one thread, named a conversation."""

    serializer_class = ConversationMessageSerializer


class SessionMessagesViewSet(ThreadMessagesViewSet):
    """The messages of one thread, named a session."""

    serializer_class = SessionMessageSerializer


@extend_schema_view(
    list=extend_schema(parameters=described({"q": "Only messages that hold all of these words."})),
)
class MessageViewSet(BaseViewSet):
    """Messages by their ids, and across the threads of the organization."""

    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    pagination_class = MessageSearchPagination
    permission_codes = {
        "list": "message.read",
        "retrieve": "message.read",
        "destroy": "message.delete",
        "restore": "message.delete",
    }
    query_parameters = {"list": frozenset({"q"})}

    def get_queryset(self) -> QuerySet[Message]:
        messages = cast("MessageQuerySet", super().get_queryset())
        return messages.in_active_threads()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        messages = self.get_queryset()
        words = QueryParameters(request).text("q")
        if words is not None:
            found = matching(words, organization_id=self.actor.organization_id, column="id")
            messages = messages.filter(id__in=found)
        rows = attach_parents(self.paginate_queryset(messages) or [])
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        message: Message = self.get_object()
        if is_unchanged(request, message.version):
            return Response(status=304, headers={"ETag": etag(message.version)})
        return self.shown(attach_parents([message])[0])

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.trash_message(actor=self.actor, message_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)

    @extend_schema(request=None, responses={200: MessageSerializer})
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        message = services.restore_message(actor=self.actor, message_id=self.row_id(), precondition=if_match(request))
        return self.shown(attach_parents([message])[0])
