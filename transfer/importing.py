"""Writing imported conversations into the store, each once.

A conversation is recognised by its `external_id`. The digest of what was imported is kept in the thread's metadata,
so that a second run over the same file reads one row a conversation and changes nothing. A conversation that has
grown since is continued; one whose stored messages say something else is refused, because what was acknowledged is
never altered.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, transaction

from accounts.actors import SystemActor
from conversations.models import Message, Thread
from conversations.services import ImportedMessages, extend_thread, store_thread
from core.json_gate import RefusedJSON, check_value, replace_invalid_text
from core.renderers import format_datetime
from ledger.services import NO_SUBJECT
from ledger.services import record as record_act
from transfer.records import MessageRecord, RefusedRecord, ThreadRecord

MARK = "import"
"""Member of a thread's metadata that holds the format, the digest and the number of replaced characters."""


class Verdict(StrEnum):
    """What became of a record."""

    IMPORTED = "imported"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One record's fate: `messages` counts those that were written, `reason` says why it was refused."""

    label: str
    verdict: Verdict
    messages: int = 0
    reason: str = ""


class Refusal(Exception):
    """The record cannot be stored; the message is for the file's owner."""


class ConversationImporter:
    """Imports records into one organization.

    With `dry_run` every record is written and rolled back, so that the outcomes are those of a real run. With
    `replaces_invalid_text` NUL and lone surrogates become U+FFFD instead of refusing their conversation.
    """

    def __init__(self, organization_id: UUID, *, dry_run: bool = False, replaces_invalid_text: bool = False) -> None:
        self._organization_id = organization_id
        self._dry_run = dry_run
        self._replaces = replaces_invalid_text
        self._rehearsed: set[str] = set()

    def run(self, records: Iterable[ThreadRecord | RefusedRecord]) -> Iterator[Outcome]:
        """Import records one by one, each in a transaction of its own, and tell what became of each."""
        for record in records:
            if isinstance(record, RefusedRecord):
                yield Outcome(label=record.label, verdict=Verdict.REFUSED, reason=record.reason)
                continue
            try:
                yield self._import(record)
            except Refusal as refusal:
                yield Outcome(label=record.label, verdict=Verdict.REFUSED, reason=str(refusal))

    def record_file(self, name: str, *, verdicts: Counter[Verdict], messages: int) -> None:
        """Write into the audit trail what came of a file, unless nothing of it was stored."""
        if self._dry_run or not (verdicts[Verdict.IMPORTED] or verdicts[Verdict.UPDATED]):
            return
        counts = {verdict.value: verdicts[verdict] for verdict in Verdict}
        after = {"file": name, "threads": counts, "messages": messages}
        record_act(actor=SystemActor(self._organization_id), action="threads.imported", subject=NO_SUBJECT, after=after)

    def _import(self, record: ThreadRecord) -> Outcome:
        prepared = prepare(record, replaces_invalid_text=self._replaces)
        with transaction.atomic():
            outcome = self._store(record.label, prepared)
            if self._dry_run:
                transaction.set_rollback(True)
        return outcome

    def _store(self, label: str, prepared: PreparedThread) -> Outcome:
        thread = self._stored(prepared.external_id)
        if thread is None and prepared.external_id not in self._rehearsed:
            self._create(prepared)
            return Outcome(label=label, verdict=Verdict.IMPORTED, messages=len(prepared.messages.entries))
        if thread is None or thread.metadata.get(MARK, {}).get("digest") == prepared.digest:
            return Outcome(label=label, verdict=Verdict.UNCHANGED)
        return Outcome(label=label, verdict=Verdict.UPDATED, messages=continue_thread(thread, prepared))

    def _create(self, prepared: PreparedThread) -> None:
        if self._dry_run:
            self._rehearsed.add(prepared.external_id)
        try:
            with transaction.atomic():
                store_thread(
                    organization_id=self._organization_id,
                    fields=prepared.fields,
                    messages=prepared.messages,
                    created_at=prepared.created_at,
                    updated_at=prepared.updated_at,
                )
        except (IntegrityError, DataError) as error:
            raise Refusal(f"The database refused it: {error}".splitlines()[0]) from None

    def _stored(self, external_id: str) -> Thread | None:
        thread = Thread.objects.filter(organization_id=self._organization_id, external_id=external_id).first()
        if thread is not None and thread.trashed_at is not None:
            raise Refusal("It was deleted here and lies in the trash; restore or purge it first.")
        return thread


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedThread:
    """A record as columns, checked."""

    external_id: str
    fields: dict[str, Any]
    messages: ImportedMessages
    digest: str
    created_at: datetime | None
    updated_at: datetime | None


def prepare(record: ThreadRecord, *, replaces_invalid_text: bool = False) -> PreparedThread:
    """Turn a record into columns and pass them through the JSON gate; raises `Refusal`."""
    whole: dict[str, Any] = {
        "external_id": record.external_id,
        "title": record.title,
        "agent_type": record.agent_type,
        "model": record.model,
        "provider": record.provider,
        "metadata": record.metadata,
        "messages": [_columns(message) for message in record.messages],
        "leaf": record.active_leaf,
    }
    whole, replaced = _gated(whole, replaces_invalid_text)
    digest = _digest([whole, record.created_at, record.updated_at])
    entries, leaf = whole.pop("messages"), whole.pop("leaf")
    mark = {"format": record.external_id.partition(":")[0], "digest": digest}
    whole["metadata"] = {**whole["metadata"], MARK: mark | ({"replaced_characters": replaced} if replaced else {})}
    return PreparedThread(
        external_id=whole["external_id"],
        fields=whole,
        messages=ImportedMessages(entries=entries, leaf=leaf),
        digest=digest,
        created_at=record.created_at,
        updated_at=record.updated_at,
    )


def _columns(message: MessageRecord) -> dict[str, Any]:
    return {
        "external_id": message.external_id,
        "parent": message.parent_external_id,
        "role": message.role,
        "content": message.content,
        "parts": message.parts,
        "artifact_data": message.artifact_data,
        "metadata": message.metadata or None,
        "status": message.status,
        "provider": message.provider,
        "model": message.model,
        "usage": message.usage,
        "finish_reason": message.finish_reason,
        "created_at": message.created_at,
    }


def _gated(whole: dict[str, Any], replaces_invalid_text: bool) -> tuple[dict[str, Any], int]:
    replaced = 0
    try:
        if replaces_invalid_text:
            gated = replace_invalid_text(whole)
            whole, replaced = gated.value, gated.replaced
        check_value(whole)
    except RefusedJSON as error:
        raise Refusal(f"{error.message} (at {error.pointer or '/'})") from None
    return whole, replaced


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=format_datetime)
    return hashlib.sha256(text.encode()).hexdigest()


def continue_thread(thread: Thread, prepared: PreparedThread) -> int:
    """Append what the stored conversation lacks; returns how many messages. Raises `Refusal` on a contradiction."""
    entries = {entry["external_id"]: entry for entry in prepared.messages.entries}
    for message in Message.objects.of_thread(thread).filter(external_id__in=list(entries)):
        if _said(message) != _said_by(entries[str(message.external_id)]):
            raise Refusal(f"Message {message.external_id} says something else here; the stored one was kept.")
    return extend_thread(
        thread=thread,
        messages=prepared.messages,
        metadata={**thread.metadata, **prepared.fields["metadata"]},
        updated_at=prepared.updated_at,
    )


def _said(message: Message) -> list[Any]:
    return [message.role, message.content, message.parts, message.artifact_data]


def _said_by(entry: dict[str, Any]) -> list[Any]:
    return [entry["role"], entry["content"], entry["parts"], entry["artifact_data"]]
