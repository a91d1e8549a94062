"""Walking the audit trail: is every entry there, as it was written, where it was written?

What stands in the database can be checked against itself only: whoever may write every table and writes a whole chain
anew is found by comparing with a hash that was kept elsewhere (`expected`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db.models import OuterRef, Subquery

from ledger.models import AuditChain, AuditEntry, ChainErasure
from ledger.querysets import AuditEntryQuerySet
from ledger.services.chains import FIRST_HASH, hash_of

BATCH = 500
MAX_SUSPECTS = 100
"""Entries that do not match their seal and are compared with each other's places at once."""

Progress = Callable[[int, int], None]
"""Is told how many entries of how many have been read."""


class Kind(StrEnum):
    """What can be wrong with a chain."""

    EDITED = "edited"
    MOVED = "moved"
    UNLINKED = "unlinked"
    MISSING = "missing"
    CUT = "cut"
    HEAD_DIFFERS = "head_differs"
    BEYOND_HEAD = "beyond_head"
    HEADLESS = "headless"
    NOT_ERASED = "not_erased"
    UNEXPECTED = "unexpected"
    ABSENT = "absent"
    ERASED_ALIVE = "erased_alive"
    ERASED_UNEXPLAINED = "erased_unexplained"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written; `sequence` is where, 0 for the chain as a whole."""

    organization_id: UUID
    sequence: int
    kind: Kind
    message: str


def verify_chain(organization_id: UUID, *, progress: Progress | None = None) -> Iterator[Finding]:
    """Walk one chain in batches and yield what is wrong with it. Entries that are added meanwhile do no harm."""
    head = AuditChain.objects.filter(organization_id=organization_id).first()
    walk = _Walk(organization_id)
    entries = AuditEntry.objects.filter(organization_id=organization_id)
    if head is not None:
        entries = entries.filter(sequence__lte=head.last_sequence)
    for entry in _in_batches(entries):
        yield from walk.step(entry)
        if progress is not None and entry.sequence % BATCH == 0:
            progress(entry.sequence, head.last_sequence if head else 0)
    yield from walk.suspects()
    yield from walk.end(head) if head is not None else _without_head(organization_id, walk.is_empty)
    yield from _beyond_head(organization_id)


def verify_expected(organization_id: UUID, *, sequence: int, digest: str) -> Iterator[Finding]:
    """Compare one entry with the hash that somebody kept elsewhere, as `--head` printed it."""
    found = (
        AuditEntry.objects.filter(organization_id=organization_id, sequence=sequence)
        .values_list("hash", flat=True)
        .first()
    )
    if found is None and (sequence, digest) != (0, FIRST_HASH):
        yield Finding(organization_id, sequence, Kind.UNEXPECTED, "the expected entry is not there")
    elif found is not None and found != digest:
        yield Finding(organization_id, sequence, Kind.UNEXPECTED, f"its hash is {found}, not the expected one")


def _in_batches(entries: AuditEntryQuerySet) -> Iterator[AuditEntry]:
    rows = list(entries.order_by("sequence")[:BATCH])
    while rows:
        yield from rows
        rows = list(entries.filter(sequence__gt=rows[-1].sequence).order_by("sequence")[:BATCH])


class _Walk:
    """Goes from entry to entry and remembers what the next one must name."""

    def __init__(self, organization_id: UUID) -> None:
        self.organization_id = organization_id
        self.next_sequence = 1
        # None behind a gap or a broken seal: what the next entry ought to name is not known.
        self.previous_hash: str | None = FIRST_HASH
        self._unsealed: list[AuditEntry] = []
        self._gaps: list[int] = []

    @property
    def is_empty(self) -> bool:
        return self.next_sequence == 1

    def step(self, entry: AuditEntry) -> Iterator[Finding]:
        if entry.sequence > self.next_sequence:
            yield self._missing(entry.sequence - 1)
            self.previous_hash = None
        is_linked = self.previous_hash in (None, entry.previous_hash)
        is_sealed = hash_of(entry) == entry.hash
        if not is_sealed:
            self._unsealed.append(entry)
        elif not is_linked:
            message = "does not name the hash of the entry before it: one of the two was written anew"
            yield self._finding(entry.sequence, Kind.UNLINKED, message)
        self.previous_hash = entry.hash if is_sealed else None
        self.next_sequence = entry.sequence + 1
        if len(self._unsealed) == MAX_SUSPECTS:
            yield from self.suspects()

    def suspects(self) -> Iterator[Finding]:
        """Tell apart entries that were edited from those that stand in another place than they were sealed for."""
        near = {each.sequence + step for each in self._unsealed for step in (-1, 0, 1)}
        places = near | set(self._gaps)
        for entry in self._unsealed:
            origin = _origin(entry, places)
            if origin is None:
                yield self._finding(entry.sequence, Kind.EDITED, "does not say what it was sealed with")
            else:
                yield self._finding(entry.sequence, Kind.MOVED, f"was sealed as entry {origin}")
        self._unsealed, self._gaps = [], []

    def end(self, head: AuditChain) -> Iterator[Finding]:
        last = self.next_sequence - 1
        if last < head.last_sequence:
            message = f"the chain ends here, its head is at {head.last_sequence}"
            yield self._finding(last, Kind.CUT, message)
        elif self.previous_hash not in (None, head.last_hash):
            yield self._finding(last, Kind.HEAD_DIFFERS, "the head of the chain names another hash")

    def _missing(self, last: int) -> Finding:
        first = self.next_sequence
        if len(self._gaps) < MAX_SUSPECTS:
            self._gaps.append(first)
        message = "is missing" if first == last else f"is missing, and so are all up to {last}"
        return self._finding(first, Kind.MISSING, message)

    def _finding(self, sequence: int, kind: Kind, message: str) -> Finding:
        return Finding(self.organization_id, sequence, kind, message)


def _origin(entry: AuditEntry, places: set[int]) -> int | None:
    """The place that the entry was sealed for, if it is one of these."""
    own = entry.sequence
    try:
        for place in sorted(places - {own}):
            entry.sequence = place
            if hash_of(entry) == entry.hash:
                return place
        return None
    finally:
        entry.sequence = own


def _without_head(organization_id: UUID, is_empty: bool) -> Iterator[Finding]:
    if is_empty:
        return
    if ChainErasure.objects.filter(organization_id=organization_id).exists():
        message = "the chain is erased, but entries are left: run the erasure again"
        yield Finding(organization_id, 0, Kind.NOT_ERASED, message)
    else:
        yield Finding(organization_id, 0, Kind.HEADLESS, "the chain has entries and no head")


def _beyond_head(organization_id: UUID) -> Iterator[Finding]:
    """Entries behind the head, in one statement: it sees an entry and the head that names it together or not at all."""
    head = AuditChain.objects.filter(organization_id=OuterRef("organization_id")).values("last_sequence")
    beyond = AuditEntry.objects.filter(organization_id=organization_id, sequence__gt=Subquery(head))
    for sequence in beyond.order_by("sequence").values_list("sequence", flat=True)[:MAX_SUSPECTS]:
        message = "stands behind the head: the head was set back, or the entry was forged"
        yield Finding(organization_id, sequence, Kind.BEYOND_HEAD, message)
