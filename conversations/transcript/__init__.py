"""A page of a conversation as people read it: messages in order, branches, and what was attached to them."""

from conversations.transcript.blocks import Block
from conversations.transcript.entries import Entry
from conversations.transcript.page import PAGE_SIZE, Transcript, read_message, read_transcript
from conversations.transcript.permits import ContentHidden, ReadingPermit
from conversations.transcript.selection import Selection

__all__ = [
    "PAGE_SIZE",
    "Block",
    "ContentHidden",
    "Entry",
    "ReadingPermit",
    "Selection",
    "Transcript",
    "read_message",
    "read_transcript",
]
