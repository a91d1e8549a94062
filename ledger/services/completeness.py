"""Is the audit trail of every organization there at all?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Exists, Min, OuterRef

from ledger.models import PLATFORM, AuditChain, AuditEntry, ChainErasure
from ledger.services.verifying import Finding, Kind


def all_chains() -> Iterator[UUID]:
    """Yield the organizations that have a chain, or entries without one."""
    yield from AuditChain.objects.order_by("organization_id").values_list("organization_id", flat=True)
    head = AuditChain.objects.filter(organization_id=OuterRef("organization_id"))
    headless = AuditEntry.objects.filter(~Exists(head)).order_by("organization_id")
    yield from headless.values_list("organization_id", flat=True).distinct()


def verify_completeness(organization_id: UUID | None = None) -> Iterator[Finding]:
    """Look for chains that went without a trace, and for erasures that nobody ordered; of one organization or all."""
    only = {} if organization_id is None else {"organization_id": organization_id}
    erasures = ChainErasure.objects.filter(**only).order_by("organization_id")
    for erased_id in erasures.values_list("organization_id", flat=True):
        yield from _verify_erasure(erased_id)
    for absent_id in _organizations_without_chain(organization_id):
        message = "the organization was made under audit and has no audit trail"
        yield Finding(absent_id, 0, Kind.ABSENT, message)


def _verify_erasure(organization_id: UUID) -> Iterator[Finding]:
    if _organizations().filter(pk=organization_id).exists():
        message = "the chain is erased, the organization is not: erase the organization to the end, or ask who did it"
        yield Finding(organization_id, 0, Kind.ERASED_ALIVE, message)
        return
    told = AuditEntry.objects.filter(organization_id=PLATFORM, action="organization.erased", subject_id=organization_id)
    if not told.exists():
        message = "the chain is erased, and the platform's chain does not tell of it"
        yield Finding(organization_id, 0, Kind.ERASED_UNEXPLAINED, message)


def _organizations_without_chain(organization_id: UUID | None) -> Iterator[UUID]:
    """Organizations made since there is an audit trail: making one writes its first entry."""
    recorder = MigrationRecorder(connection).migration_qs.filter(app="ledger")
    since = recorder.aggregate(first=Min("applied"))["first"]
    traces = [
        ~Exists(model.objects.filter(organization_id=OuterRef("pk")))
        for model in (AuditChain, AuditEntry, ChainErasure)
    ]
    organizations = _organizations().filter(*traces, created_at__gt=since)
    if organization_id is not None:
        organizations = organizations.filter(pk=organization_id)
    yield from organizations.order_by("pk").values_list("pk", flat=True)


def _organizations() -> Any:
    return apps.get_model("accounts", "Organization")._default_manager.all()
