"""Log-ins and log-outs in the audit trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from core.logs import client_address
from ledger.models import PLATFORM, AuditEntry
from ledger.services.audit import record_for
from ledger.services.refusals import record_refusal

LOGGED_IN = "user.logged_in"
LOG_IN_REFUSED = "user.log_in_refused"
LOGGED_OUT = "user.logged_out"


def record_login(
    *,
    organization_ids: Iterable[UUID],
    action: str,
    user_id: UUID | None,
    label: str = "",
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write `user.logged_in`, `user.log_in_refused` or `user.logged_out` into the chain of each organization.

    `organization_ids` are the active organizations of the person; none of them, or nobody known by that name, means
    the chain of the platform. `user_id` is None for an unknown name; give no `label` then, for people type their
    password where the name belongs. `after` tells circumstances (`{"cause": "wrong_password"}`), never what was typed.

    A refusal is written at most once a minute for each person and address, and never raises; the other two belong to
    the transaction of the log-in and fail with it.
    """
    chains = sorted(set(organization_ids)) or [PLATFORM]
    kind = AuditEntry.ActorKind.ANONYMOUS if user_id is None else AuditEntry.ActorKind.USER
    if action == LOG_IN_REFUSED:
        for each in chains:
            record_refusal(
                organization_id=each,
                kind=kind,
                actor_id=user_id,
                label=label,
                action=action,
                after=after,
                once_per=client_address.get(),
            )
        return
    with transaction.atomic():
        # In the order of their ids: two log-ins that hold several chains never wait for each other in a circle.
        for each in chains:
            record_for(organization_id=each, kind=kind, actor_id=user_id, label=label, action=action, after=after)
