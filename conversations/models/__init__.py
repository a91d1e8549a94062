"""Threads, their messages, and what people think of them."""

from conversations.models.feedback import Feedback
from conversations.models.message import Message
from conversations.models.thread import Thread
from conversations.models.tombstone import Tombstone

__all__ = ["Feedback", "Message", "Thread", "Tombstone"]
