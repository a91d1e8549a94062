"""One page of a transcript: which messages are on it, and what is said about each."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

from conversations.models import Feedback, Message, Thread
from conversations.transcript.blocks import Block, BlockBuilder
from conversations.transcript.rows import feedback_rows, jumps_of, message_rows, trashed_positions
from conversations.transcript.tree import BranchTree, Fork

PAGE_SIZE = 100
MAX_POSITION = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a reader asks for: the active branch, the one that ends in `leaf`, or all; from position `page` on."""

    leaf: int | None = None
    shows_all: bool = False
    page: int = 1

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> Self:
        """Read `?leaf=`, `?branches=all` and `?page=`; what cannot be meant is passed over."""
        leaf, page = _position(query.get("leaf")), _position(query.get("page"))
        shows_all = query.get("branches") == "all"
        return cls(leaf=None if shows_all else leaf, shows_all=shows_all, page=page or 1)

    def query(self, *, page: int = 1) -> str:
        """Return the query string of another page of the same branch."""
        chosen: dict[str, Any] = {"branches": "all"} if self.shows_all else {}
        if self.leaf is not None:
            chosen["leaf"] = self.leaf
        if page > 1:
            chosen["page"] = page
        return f"?{urlencode(chosen)}"


def _position(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_POSITION)):
        return None
    return int(text) if 1 <= int(text) <= MAX_POSITION else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackNote:
    """Feedback as it stands at its message."""

    rating: str
    comment: str
    author: str
    created_at: datetime
    payload: Block | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The links of a fork, as query strings."""

    fork: Fork
    previous: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message on a page."""

    id: UUID
    position: int
    role: str
    created_at: datetime
    facts: list[str]
    """Model, tokens and the like, in the order in which they are shown."""
    is_hidden: bool
    blocks: list[Block]
    details: list[Block]
    """Artifact, metadata and usage."""
    emptiness: str
    """Says which kind of nothing the message holds, "" for one that says something."""
    feedback: list[FeedbackNote]
    switches: list[Switch]
    answers: int | None
    """The position it answers where that is not the one before; only in the whole tree."""
    branch: str
    """The query string that shows the branch it is on; only with `answers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A page of messages and the ways off it. `first` and `last` count the messages of the branch from 1."""

    selection: Selection
    entries: list[Entry]
    total: int
    first: int
    last: int
    trashed: int
    last_position: int
    is_branched: bool
    is_active: bool
    pages: dict[str, str]
    """Query strings of the first, previous, next and last page, as far as there are any."""


def read_transcript(thread: Thread, selection: Selection) -> Transcript:
    """Return the page of a thread: four queries at most, whatever the thread holds."""
    jumps = jumps_of(thread)
    trashed = trashed_positions(thread)
    tree = BranchTree(last=thread.last_position, jumps=jumps, trashed=trashed)
    if selection.leaf is not None and selection.leaf > thread.last_position:
        selection = Selection(page=selection.page)
    path = _path(thread, tree, selection)
    visible = [place for place in path if place not in trashed]
    start = _start(visible, selection.page)
    shown = visible[start : start + PAGE_SIZE]
    return Transcript(
        selection=selection,
        entries=_Reader(thread, tree, selection, path).entries(shown),
        total=len(visible),
        first=start + 1 if shown else 0,
        last=start + len(shown),
        trashed=thread.last_position - thread.message_count,
        last_position=thread.last_position,
        is_branched=bool(jumps),
        is_active=selection.leaf is None and not selection.shows_all,
        pages=_pages(visible, start, selection),
    )


def _path(thread: Thread, tree: BranchTree, selection: Selection) -> list[int]:
    if selection.shows_all:
        return list(range(1, thread.last_position + 1))
    return tree.path_to(thread.leaf_position if selection.leaf is None else selection.leaf)


def _start(visible: Sequence[int], page: int) -> int:
    """Index of the first message of the page; beyond the end it is the last page."""
    start = bisect_left(visible, page)
    return start if start < len(visible) else max(0, len(visible) - PAGE_SIZE)


def _pages(visible: Sequence[int], start: int, selection: Selection) -> dict[str, str]:
    places: dict[str, int] = {}
    if start:
        places |= {"first": 1, "previous": visible[max(0, start - PAGE_SIZE)] if start > PAGE_SIZE else 1}
    if start + PAGE_SIZE < len(visible):
        places |= {"next": visible[start + PAGE_SIZE], "last": visible[-PAGE_SIZE]}
    return {name: selection.query(page=place) for name, place in places.items()}


class _Reader:
    """Reads the messages of a page and says about each what a reader wants to know."""

    def __init__(self, thread: Thread, tree: BranchTree, selection: Selection, path: Sequence[int]) -> None:
        self._thread = thread
        self._tree = tree
        self._selection = selection
        self._path = path
        self._builder = BlockBuilder()
        active = path if selection.leaf is None and not selection.shows_all else tree.path_to(thread.leaf_position)
        self._active = frozenset(active)

    def entries(self, positions: Sequence[int]) -> list[Entry]:
        rows = message_rows(self._thread, positions)
        feedback = feedback_rows(self._thread, [row["id"] for row in rows])
        before = self._before(positions[0]) if positions else 0
        entries = []
        for row in rows:
            entries.append(self._entry(row, before, feedback[row["id"]] if row["id"] in feedback else []))
            before = row["position"]
        return entries

    def _before(self, position: int) -> int:
        """The position shown before the page's first one, as far as switches are concerned."""
        index = bisect_left(self._path, position) - 1
        return self._path[index] if index >= 0 else 0

    def _entry(self, row: dict[str, Any], before: int, feedback: Sequence[dict[str, Any]]) -> Entry:
        position = row["position"]
        is_jump = self._selection.shows_all and self._tree.is_jump(position)
        leaf = self._tree.newest_leaf(position) if is_jump else 0
        return Entry(
            id=row["id"],
            position=position,
            role=row["role"],
            created_at=row["created_at"],
            facts=_facts(row),
            is_hidden=isinstance(row["metadata_value"], dict) and row["metadata_value"].get("hidden") is True,
            blocks=self._blocks(row),
            details=self._details(row),
            emptiness=_emptiness(row),
            feedback=[self._feedback(each) for each in feedback],
            switches=[] if self._selection.shows_all else self._switches(before, position),
            answers=self._tree.parent(position) if is_jump else None,
            branch=Selection(leaf=leaf).query() if is_jump else "",
        )

    def _blocks(self, row: dict[str, Any]) -> list[Block]:
        blocks = self._builder.blocks(row["content_start"], row["parts_value"], length=row["content_length"])
        return blocks + _left_out(row, "parts")

    def _details(self, row: dict[str, Any]) -> list[Block]:
        labels = {"artifact_data": "Artifact", "metadata": "Metadata", "usage": "Usage"}
        found: list[Block] = []
        for name, label in labels.items():
            if row[f"{name}_size"] is not None and row[f"{name}_value"] != {}:
                found += _left_out(row, name) or [self._builder.data(row[f"{name}_value"], kind=name, label=label)]
        return found

    def _feedback(self, row: dict[str, Any]) -> FeedbackNote:
        has_payload = row["payload_size"] is not None
        payload = _left_out(row, "payload") or [self._builder.data(row["payload_value"], label="Payload")]
        return FeedbackNote(
            rating="" if row["rating"] is None else str(Feedback.Rating(row["rating"]).label),
            comment=self._builder.budget.cut(row["comment"])[0],
            author=row["created_by__username"] or "",
            created_at=row["created_at"],
            payload=payload[0] if has_payload else None,
        )

    def _switches(self, before: int, position: int) -> list[Switch]:
        """Forks between two messages that are shown: at the second, and at those in the trash between them."""
        start, end = bisect_left(self._path, before + 1), bisect_left(self._path, position)
        forks = (self._tree.fork_at(place) for place in self._path[start : end + 1])
        return [self._switch(fork) for fork in forks if fork]

    def _switch(self, fork: Fork) -> Switch:
        links = []
        for branch in (fork.previous, fork.next):
            if branch is None:
                links.append("")
                continue
            chosen = Selection(leaf=None if branch.position in self._active else branch.leaf)
            # The page starts no later than the branch, so that the reader lands on it.
            page = min(self._selection.page, branch.position)
            links.append(f"{chosen.query(page=page)}#message-{branch.position}")
        return Switch(fork=fork, previous=links[0], next=links[1])


def _facts(row: dict[str, Any]) -> list[str]:
    usage = row["usage_value"] if isinstance(row["usage_value"], dict) else {}
    facts = [row["model"], row["provider"], _tokens(usage)]
    if row["finish_reason"] not in ("", "stop"):
        facts.append(f"finished: {row['finish_reason']}")
    if row["status"] != Message.Status.COMPLETED:
        facts.append(row["status"].replace("_", " "))
    return [fact for fact in facts if fact]


def _tokens(usage: dict[str, Any]) -> str:
    """Tokens in and out, under the names of the common providers."""
    given = _number(usage, "input_tokens", "prompt_tokens")
    answered = _number(usage, "output_tokens", "completion_tokens")
    if given is None or answered is None:
        return ""
    return f"{given:,} → {answered:,} tokens"


def _number(usage: dict[str, Any], *names: str) -> int | None:
    return next((usage[name] for name in names if type(usage.get(name)) is int), None)


def _emptiness(row: dict[str, Any]) -> str:
    if row["content_start"] or row["parts_value"] or _left_out(row, "parts"):
        return ""
    return "No content." if row["content_start"] is None else "The content is an empty text."


def _left_out(row: dict[str, Any], name: str) -> list[Block]:
    """A block that says what was too large to be read, none when the value is there."""
    size = row[f"{name}_size"]
    if size is None or row[f"{name}_value"] is not None or size == len("null"):
        return []
    note = f"{size:,} characters of JSON, too long to be shown here. An export holds them."
    return [Block(kind=name, label=name.replace("_", " ").capitalize(), note=note)]
