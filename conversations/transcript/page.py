"""One page of a transcript: which messages are on it, and the ways off it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conversations.models import Message, Thread
from conversations.transcript.entries import Entry, EntryBuilder, Place, Switch
from conversations.transcript.permits import ReadingPermit
from conversations.transcript.rows import bounded_values, feedback_rows, jumps_of, message_rows, trashed_positions
from conversations.transcript.selection import Selection
from conversations.transcript.tree import Branch, BranchTree

PAGE_SIZE = 100


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
    active_branch: str
    """The query string of the active branch."""
    whole_tree: str
    """The query string of all branches in order of arrival."""
    pages: dict[str, str]
    """Query strings of the first, previous, next and last page, as far as there are any."""


def read_transcript(thread: Thread, selection: Selection, *, permit: ReadingPermit) -> Transcript:
    """Return the page of a thread: four queries at most, whatever the thread holds. Raises `ContentHidden`."""
    permit.check(organization_id=thread.organization_id, thread_id=thread.pk)
    trashed = trashed_positions(thread)
    jumps = jumps_of(thread)
    if selection.leaf is not None and selection.leaf > thread.last_position:
        selection = replace(selection, leaf=None)
    tree = BranchTree(last=thread.last_position, jumps=jumps, trashed=trashed)
    layout = _Layout(thread, tree, selection)
    visible = [position for position in layout.path if position not in trashed]
    start = _start(visible, selection.page)
    shown = visible[start : start + PAGE_SIZE]
    return Transcript(
        selection=selection,
        entries=_entries(thread, layout, shown, permit),
        total=len(visible),
        first=start + 1 if shown else 0,
        last=start + len(shown),
        trashed=thread.last_position - thread.message_count,
        last_position=thread.last_position,
        is_branched=bool(jumps),
        is_active=selection.leaf is None and not selection.shows_all,
        active_branch=selection.of_branch(None).query(),
        whole_tree=selection.of_branch(None, shows_all=True).query(),
        pages=_pages(visible, start, selection),
    )


def read_message(message: Message, *, permit: ReadingPermit) -> Entry:
    """Return one message as it stands on its own page, also when it lies in the trash. Raises `ContentHidden`."""
    permit.check(organization_id=message.organization_id, thread_id=message.thread_id)
    row = next(iter(bounded_values(Message.objects.filter(organization_id=message.organization_id, pk=message.pk))))
    feedback = feedback_rows(message.organization_id, [message.pk] if permit.includes_feedback else [])
    return EntryBuilder().entry(row, feedback.get(message.pk, []), Place())


def _entries(thread: Thread, layout: _Layout, shown: Sequence[int], permit: ReadingPermit) -> list[Entry]:
    rows = message_rows(thread, shown)
    feedback = feedback_rows(thread.organization_id, [row["id"] for row in rows if permit.includes_feedback])
    builder = EntryBuilder()
    before = layout.position_before(shown[0]) if shown else 0
    entries: list[Entry] = []
    for row in rows:
        place = layout.place(row["position"], shown_before=before)
        entries.append(builder.entry(row, feedback.get(row["id"], []), place))
        before = row["position"]
    return entries


def _start(visible: Sequence[int], page: int) -> int:
    """Index of the first message of the page; beyond the end it is the last page."""
    start = bisect_left(visible, page)
    return start if start < len(visible) else max(0, len(visible) - PAGE_SIZE)


def _pages(visible: Sequence[int], start: int, selection: Selection) -> dict[str, str]:
    places: dict[str, int] = {}
    if start:
        places |= {"first": 1, "previous": visible[start - PAGE_SIZE] if start > PAGE_SIZE else 1}
    if start + PAGE_SIZE < len(visible):
        places |= {"next": visible[start + PAGE_SIZE], "last": visible[-PAGE_SIZE]}
    return {name: selection.query(page=place) for name, place in places.items()}


class _Layout:
    """The branch that is shown, and what lies beside it."""

    def __init__(self, thread: Thread, tree: BranchTree, selection: Selection) -> None:
        self._tree = tree
        self._selection = selection
        active = tree.path_to(thread.leaf_position)
        self._active = frozenset(active)
        self.path = self._path(thread, active)

    def _path(self, thread: Thread, active: list[int]) -> list[int]:
        if self._selection.shows_all:
            return list(range(1, thread.last_position + 1))
        return active if self._selection.leaf is None else self._tree.path_to(self._selection.leaf)

    def position_before(self, position: int) -> int:
        """The position before this one on the branch, 0 for none."""
        index = bisect_left(self.path, position)
        return self.path[index - 1] if index else 0

    def place(self, position: int, *, shown_before: int) -> Place:
        if not self._selection.shows_all:
            return Place(switches=self._switches(shown_before, position))
        if not self._tree.is_jump(position):
            return Place()
        branch = self._selection.of_branch(self._tree.newest_leaf(position))
        link = f"{branch.query(page=position)}#message-{position}"
        return Place(answers=self._tree.parent(position), branch=link)

    def _switches(self, before: int, position: int) -> list[Switch]:
        """Forks at a message that is shown, and at those in the trash between it and the one shown before."""
        start, end = bisect_left(self.path, before + 1), bisect_left(self.path, position)
        forks = (self._tree.fork_at(place) for place in self.path[start : end + 1])
        return [
            Switch(fork=fork, previous=self._link(fork.previous), next=self._link(fork.next)) for fork in forks if fork
        ]

    def _link(self, branch: Branch | None) -> str:
        if branch is None:
            return ""
        chosen = self._selection.of_branch(None if branch.position in self._active else branch.leaf)
        # The page starts no later than the branch, so that the reader lands on it.
        page = min(self._selection.page, branch.position)
        return f"{chosen.query(page=page)}#message-{branch.position}"
