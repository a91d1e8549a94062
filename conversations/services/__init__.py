"""Changes to threads, messages and feedback."""

from conversations.services.appending import InvalidParent, MessageExists, append_messages
from conversations.services.feedback import create_feedback, restore_feedback, trash_feedback, update_feedback
from conversations.services.importing import ImportedMessages, extend_thread, store_thread
from conversations.services.indexing import index_missing
from conversations.services.plain_appending import append_plainly
from conversations.services.purging import erase_conversations, purge_threads, purge_trash
from conversations.services.reveals import (
    MAX_REASON,
    MIN_REASON,
    REVEALED_FOR,
    InvalidReason,
    RevealRefused,
    reveal_content,
)
from conversations.services.threads import (
    FROM_AGENT,
    ThreadConflict,
    create_thread,
    restore_thread,
    select_branch,
    trash_thread,
    update_thread,
)
from conversations.services.trash import restore_message, trash_message

__all__ = [
    "FROM_AGENT",
    "MAX_REASON",
    "MIN_REASON",
    "REVEALED_FOR",
    "ImportedMessages",
    "InvalidParent",
    "InvalidReason",
    "MessageExists",
    "RevealRefused",
    "ThreadConflict",
    "append_messages",
    "append_plainly",
    "create_feedback",
    "create_thread",
    "erase_conversations",
    "extend_thread",
    "index_missing",
    "purge_threads",
    "purge_trash",
    "restore_feedback",
    "restore_message",
    "restore_thread",
    "reveal_content",
    "select_branch",
    "store_thread",
    "trash_feedback",
    "trash_message",
    "trash_thread",
    "update_feedback",
    "update_thread",
]
