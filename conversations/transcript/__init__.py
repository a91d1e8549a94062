"""A page of a conversation as people read it: messages in order, branches, and what was attached to them."""

from conversations.transcript.blocks import Block
from conversations.transcript.page import Selection, Transcript, read_transcript
from conversations.transcript.tree import Branch, BranchTree, Fork

__all__ = ["Block", "Branch", "BranchTree", "Fork", "Selection", "Transcript", "read_transcript"]
