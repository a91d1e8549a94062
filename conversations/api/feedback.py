"""Routes of feedback: under its message, and alone by its id."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conversations import services
from conversations.api.serializers import FeedbackSerializer
from conversations.models import Feedback, Message
from conversations.querysets import FeedbackQuerySet
from core.errors import NotFound
from core.pagination import KeysetPagination
from core.preconditions import if_match
from core.viewsets import BaseViewSet


class FeedbackPagination(KeysetPagination):
    """Feedback by time, newest first."""

    fields = ("created_at", "id")


class MessageFeedbackViewSet(BaseViewSet):
    """The feedback on one message."""

    queryset = Feedback.objects.all()
    serializer_class = FeedbackSerializer
    pagination_class = FeedbackPagination
    permission_codes = {"list": "feedback.read", "create": "feedback.create"}

    def get_queryset(self) -> QuerySet[Feedback]:
        feedback = cast("FeedbackQuerySet", super().get_queryset())
        return feedback.of_message(self.row_id()).active()

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not Message.objects.visible_to(self.actor).in_active_threads().filter(pk=self.row_id()).exists():
            raise NotFound
        return super().list(request, *args, **kwargs)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.created(services.create_feedback(actor=self.actor, message_id=self.row_id(), fields=self.body()))


class FeedbackViewSet(BaseViewSet):
    """Feedback across the organization."""

    queryset = Feedback.objects.all()
    serializer_class = FeedbackSerializer
    pagination_class = FeedbackPagination
    permission_codes = {
        "list": "feedback.read",
        "retrieve": "feedback.read",
        "partial_update": "feedback.update",
        "destroy": "feedback.delete",
        "restore": "feedback.delete",
    }

    def get_queryset(self) -> QuerySet[Feedback]:
        feedback = cast("FeedbackQuerySet", super().get_queryset())
        return feedback.active().on_active_messages()

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        feedback = services.update_feedback(
            actor=self.actor, feedback_id=self.row_id(), changes=self.changes(), precondition=if_match(request)
        )
        return self.shown(feedback)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.trash_feedback(actor=self.actor, feedback_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)

    @extend_schema(request=None, responses={200: FeedbackSerializer})
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.shown(
            services.restore_feedback(actor=self.actor, feedback_id=self.row_id(), precondition=if_match(request))
        )
