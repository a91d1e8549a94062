"""The chain of an organization: each entry is sealed with a hash over itself and the seal before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction

from core.fields import StoredJSONEncoder
from core.renderers import format_datetime
from ledger.models import AuditChain, AuditEntry

FIRST_HASH = "0" * 64
"""What the first entry of a chain names as the hash before it."""


@transaction.atomic
def append_entry(entry: AuditEntry) -> AuditEntry:
    """Add an entry behind the last one of its organization; the chain is held until the commit."""
    end = _locked_end(entry.organization_id)
    entry.sequence = end.last_sequence + 1
    entry.previous_hash = end.last_hash
    entry.hash = hash_of(entry)
    entry.save(force_insert=True)
    AuditChain.objects.filter(organization_id=entry.organization_id).update(
        last_sequence=entry.sequence, last_hash=entry.hash
    )
    return entry


def _locked_end(organization_id: UUID) -> AuditChain:
    chain = AuditChain.objects.filter(organization_id=organization_id).select_for_update()
    end = chain.first()
    if end is None:
        # Two writers may both start the chain: one of them inserts, the other waits and finds it.
        AuditChain.objects.bulk_create(
            [AuditChain(organization_id=organization_id, last_hash=FIRST_HASH)], ignore_conflicts=True
        )
        end = chain.get()
    return end


def hash_of(entry: AuditEntry) -> str:
    """Return SHA-256 over the previous hash and all that the entry says, in hex."""
    said = {
        "id": entry.id,
        "organization_id": entry.organization_id,
        "sequence": entry.sequence,
        "action": entry.action,
        "actor": [entry.actor_kind, entry.actor_id, entry.actor_label],
        "subject": [entry.subject_type, entry.subject_id, entry.subject_label],
        "before": entry.before,
        "after": entry.after,
        "reason": entry.reason,
        "request_id": entry.request_id,
        "address": entry.address,
        "created_at": entry.created_at,
    }
    text = json.dumps(as_json(said), cls=StoredJSONEncoder, sort_keys=True)
    return hashlib.sha256(f"{entry.previous_hash}\n{text}".encode()).hexdigest()


def storable(text: str) -> str:
    """Return a text without the characters that PostgreSQL cannot store: an act is written down whatever was typed."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def as_json(value: Any) -> Any:
    """Return values of model fields as JSON that both databases store: ids and times as text, a set sorted."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(name)): as_json(each) for name, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((as_json(each) for each in value), key=str)
    if isinstance(value, (list, tuple)):
        return [as_json(each) for each in value]
    if isinstance(value, datetime):
        return format_datetime(value)
    if isinstance(value, models.Value):
        # A JSON null that a serializer tells apart from a missing member.
        return value.value
    return str(value) if isinstance(value, UUID) else value
