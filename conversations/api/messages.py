"""Routes of messages: in their thread, and alone by their id."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, ClassVar, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from conversations import services
from conversations.api.parents import PARENT_COLUMNS, attach_parents, parents_of
from conversations.api.serializers import (
    BatchSerializer,
    ConversationMessageSerializer,
    MessageSerializer,
    SessionMessageSerializer,
)
from conversations.models import Message, Thread
from conversations.querysets import MessageQuerySet
from conversations.search import matching
from conversations.services.appending import MAX_BATCH
from core.errors import NotFound
from core.fast.bodies import PlainBody
from core.fast.lists import FastList
from core.fast.shapes import RowShape, uuids
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


def unbranched(actor: Any, thread_id: UUID) -> MessageQuerySet:
    """The messages of a thread that has no branches."""
    messages = Message.objects.visible_to(actor).active().filter(thread_id=thread_id)
    return messages.filter(thread__trashed_at=None, thread__active_path__isnull=True)


def fast_messages(serializer: type[MessageSerializer]) -> FastList:
    shape = RowShape(serializer, computed=("parent_id",), extra=PARENT_COLUMNS)
    return FastList(shape, MessagePagination, unbranched, has_parent=True, computed=parents_of(shape))


class ThreadMessagesViewSet(BaseViewSet):
    """The messages of one thread."""

    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    pagination_class = MessagePagination
    fast_list: ClassVar[FastList] = fast_messages(MessageSerializer)
    plain_body: ClassVar[PlainBody] = PlainBody(MessageSerializer)
    permission_codes = {"list": "message.read", "create": "message.create", "batch": "message.create"}
    query_parameters = {"list": frozenset({"branches", "trashed"})}

    @extend_schema(parameters=[BRANCHES, TRASHED_PARAMETER])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.fast_list.page(request, self, self.actor, self.thread_id())
        if page is not None:
            return self.json(page)
        thread = self.thread()
        query = QueryParameters(request)
        wants_all = query.choice("branches", ("active", "all")) == "all"
        found = cast("MessageQuerySet", self.get_queryset()).of_thread(thread)
        messages = found.on_path(None if wants_all else thread.path)
        rows = self.paginate_queryset(messages.in_trash() if query.boolean("trashed") else messages.active())
        return self.get_paginated_response(self.get_serializer(attach_parents(rows or []), many=True).data)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        body = self.body()
        if (texts := self.append_plainly([body])) is not None:
            return self.json(texts[0].encode(), status=201, headers={"ETag": etag(1)})
        try:
            rows = services.append_messages(actor=self.actor, thread_id=self.thread_id(), messages=[body])
        except services.InvalidParent as error:
            raise ValidationError({"parent_id": [error.reason]}) from None
        return self.created(attach_parents(rows)[0])

    @extend_schema(request=BatchSerializer, responses={201: BatchSerializer})
    def batch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        messages = self.batch_body()
        if (texts := self.append_plainly(messages)) is not None:
            return self.json(f'{{"messages":[{",".join(texts)}]}}'.encode(), status=201)
        rows = services.append_messages(actor=self.actor, thread_id=self.thread_id(), messages=messages)
        data = self.get_serializer(attach_parents(rows), many=True).data
        return Response({"messages": data}, status=201)

    def append_plainly(self, messages: Sequence[dict[str, Any]]) -> Sequence[str] | None:
        """Append at the end of an unbranched thread; the JSON texts of what was stored, None for the long way."""
        if any("parent_id" in message for message in messages):
            return None
        stored = services.append_plainly(actor=self.actor, thread_id=self.thread_id(), messages=messages)
        if stored is None:
            return None
        shape = self.fast_list.shape
        rows = list(map(itemgetter(*shape.selected), stored.rows))
        ids = [stored.parent_id, *(row["id"] for row in stored.rows[:-1])]
        return shape.encode(rows, [list(uuids(ids))])

    def batch_body(self) -> Sequence[dict[str, Any]]:
        """The validated messages; raises ValidationError naming the index of each message at fault."""
        messages = self.plain_batch()
        if messages is None:
            envelope = BatchSerializer(data=self.request.data)
            envelope.is_valid(raise_exception=True)
            serializer = self.get_serializer(data=envelope.validated_data["messages"], many=True)
            if not serializer.is_valid():
                raise ValidationError({"messages": cast("list[Any]", serializer.errors)})
            messages = list(serializer.validated_data)
        ids = [message["id"] for message in messages if "id" in message]
        if len(ids) != len(set(ids)):
            raise ValidationError({"messages": ["Two messages of the batch have the same id."]})
        return messages

    def plain_batch(self) -> Sequence[dict[str, Any]] | None:
        """The messages when envelope and all of them are plainly right."""
        data = self.request.data
        listed = data.get("messages") if type(data) is dict and len(data) == 1 else None
        if type(listed) is not list or not 1 <= len(listed) <= MAX_BATCH:
            return None
        taken = [self.plain_body.take(each) for each in listed]
        return None if None in taken else cast("list[dict[str, Any]]", taken)

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
    fast_list = fast_messages(ConversationMessageSerializer)


class SessionMessagesViewSet(ThreadMessagesViewSet):
    """The messages of one thread, named a session."""

    serializer_class = SessionMessageSerializer
    fast_list = fast_messages(SessionMessageSerializer)


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
