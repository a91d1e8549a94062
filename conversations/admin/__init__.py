"""Conversations in the admin: found, read, moved to the trash and back. What was said is never edited."""

from conversations.admin.feedback import FeedbackAdmin
from conversations.admin.messages import MessageAdmin
from conversations.admin.threads import ThreadAdmin

__all__ = ["FeedbackAdmin", "MessageAdmin", "ThreadAdmin"]
