"""Addresses of threads, messages and feedback, each with and without a trailing slash."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, re_path

from conversations.api.feedback import FeedbackViewSet, MessageFeedbackViewSet
from conversations.api.messages import (
    ConversationMessagesViewSet,
    MessageViewSet,
    SessionMessagesViewSet,
    ThreadMessagesViewSet,
)
from conversations.api.threads import SessionViewSet, ThreadViewSet

COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
ITEM: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
PK = r"(?P<pk>[^/]+)"


def thread_urls(name: str, threads: type[ThreadViewSet], messages: type[ThreadMessagesViewSet]) -> list[URLPattern]:
    """The routes of threads under one of their names (in the plural)."""
    one = name.removesuffix("s")
    return [
        re_path(rf"^{name}/?$", threads.as_view(COLLECTION, suffix="List"), name=f"{one}-list"),
        re_path(rf"^{name}/{PK}/?$", threads.as_view(ITEM), name=f"{one}-detail"),
        re_path(rf"^{name}/{PK}/restore/?$", threads.as_view({"post": "restore"}), name=f"{one}-restore"),
        re_path(rf"^{name}/{PK}/messages/?$", messages.as_view(COLLECTION, suffix="List"), name=f"{one}-messages"),
        re_path(rf"^{name}/{PK}/messages/batch/?$", messages.as_view({"post": "batch"}), name=f"{one}-messages-batch"),
    ]


urlpatterns = [
    *thread_urls("threads", ThreadViewSet, ThreadMessagesViewSet),
    *thread_urls("conversations", SessionViewSet, ConversationMessagesViewSet),
    *thread_urls("sessions", SessionViewSet, SessionMessagesViewSet),
    re_path(r"^messages/?$", MessageViewSet.as_view({"get": "list"}, suffix="List"), name="message-list"),
    re_path(
        rf"^messages/{PK}/?$", MessageViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="message-detail"
    ),
    re_path(rf"^messages/{PK}/restore/?$", MessageViewSet.as_view({"post": "restore"}), name="message-restore"),
    re_path(
        rf"^messages/{PK}/feedback/?$",
        MessageFeedbackViewSet.as_view(COLLECTION, suffix="List"),
        name="message-feedback",
    ),
    re_path(r"^feedback/?$", FeedbackViewSet.as_view({"get": "list"}, suffix="List"), name="feedback-list"),
    re_path(
        rf"^feedback/{PK}/?$",
        FeedbackViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="feedback-detail",
    ),
    re_path(rf"^feedback/{PK}/restore/?$", FeedbackViewSet.as_view({"post": "restore"}), name="feedback-restore"),
]
