"""What the audit trail of an organization says, as values that can be compared."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ledger.models import AuditEntry


def trail_of(organization_id: UUID, *, since: int = 0) -> list[dict[str, Any]]:
    """Return the entries behind number `since`, in order: action, actor, subject, before, after."""
    entries = AuditEntry.objects.filter(organization_id=organization_id, sequence__gt=since).order_by("sequence")
    return [
        {
            "action": entry.action,
            "actor": f"{entry.actor_kind} {entry.actor_label}".strip(),
            "subject": f"{entry.subject_type} {entry.subject_label}".strip(),
            "before": entry.before,
            "after": entry.after,
        }
        for entry in entries
    ]


def last_number(organization_id: UUID) -> int:
    """The number of the last entry, 0 for none."""
    entries = AuditEntry.objects.filter(organization_id=organization_id).order_by("-sequence")
    return entries.values_list("sequence", flat=True).first() or 0
