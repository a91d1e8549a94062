"""Writing down what calls of models used and what they cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.access import Actor
from core.errors import Conflict, DomainError
from ledger.models import UsageRecord
from ledger.models.usage import TOKENS
from ledger.money import MAX_COST_UNITS, dollars
from ledger.pricing import REPORTED, Price, PriceBook, Tokens
from ledger.services.places import NAMED_MODELS, NOT_THERE, domains_of

MAX_BATCH = 1000
CLOCK_TOLERANCE = timedelta(hours=1)
"""How far a client's clock may be ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """What somebody tells of one call of a model.

    Cached tokens are among the input tokens, reasoning tokens among the output tokens. Without `cost_units`
    (ten-billionths of a US dollar) the cost is reckoned from prices. `created_at` is when the model was called.
    """

    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    latency_ms: int | None = None
    cost_units: int | None = None
    thread_id: UUID | None = None
    message_id: UUID | None = None
    agent_id: UUID | None = None
    domain_id: UUID | None = None
    external_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all that the report says, in hex."""
        text = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def tokens(self) -> Tokens:
        return Tokens(self.input_tokens, self.output_tokens, self.cached_input_tokens, self.reasoning_tokens)


class InvalidUsage(DomainError):
    """A report contradicts itself or names what is not there; in a batch `errors` name its index."""

    code = "invalid"
    title = "The body has fields that cannot be used."

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("See errors for the fields and the reasons.", errors=errors)


class UsageConflict(Conflict):
    """The external id stands for another report."""

    code = "usage_exists"
    title = "Another report has this external_id."


def record_usage(*, actor: Actor, report: UsageReport, now: datetime | None = None) -> UsageRecord:
    """Write down one call of a model and return its record; budgets do not hinder it.

    A report with an external id that was sent before returns the record of the first time.
    Raises `InvalidUsage` and `UsageConflict`.
    """
    return _record(actor, [report], prefix="", now=now)[0]


def record_usage_batch(
    *, actor: Actor, reports: Sequence[UsageReport], now: datetime | None = None
) -> list[UsageRecord]:
    """Write down up to 1,000 calls, all or none, and return their records in order.

    Raises `InvalidUsage`, whose errors start with `records.<index>.`, and `UsageConflict`.
    """
    return _record(actor, reports, prefix="records.{index}.", now=now)


@transaction.atomic
def _record(
    actor: Actor, reports: Sequence[UsageReport], *, prefix: str, now: datetime | None = None
) -> list[UsageRecord]:
    moment = now or timezone.now()
    known = {name: domains_of(actor, name, (getattr(each, name) for each in reports)) for name in NAMED_MODELS}
    unpriced = [(each.provider, each.model) for each in reports if each.cost_units is None]
    book = PriceBook(actor.organization_id, unpriced)
    prices = [_price(book, report, moment) for report in reports]
    errors: dict[str, list[str]] = {}
    seen: set[str] = set()
    for index, (report, price) in enumerate(zip(reports, prices, strict=True)):
        found = _contradictions(report, moment) | _unknown_ids(report, known) | _excess(price)
        if report.external_id in seen:
            found["external_id"] = "Another record of the batch has this external_id."
        seen |= {report.external_id} if report.external_id is not None else set()
        errors |= {prefix.format(index=index) + name: [reason] for name, reason in found.items()}
    if errors:
        raise InvalidUsage(errors)
    rows = [_row(actor, each, price, known, moment) for each, price in zip(reports, prices, strict=True)]
    return _insert(actor, rows)


def _price(book: PriceBook, report: UsageReport, now: datetime) -> Price:
    if report.cost_units is not None:
        return Price(report.cost_units, REPORTED)
    return book.price(provider=report.provider, model=report.model, tokens=report.tokens, at=report.created_at or now)


def _contradictions(report: UsageReport, now: datetime) -> dict[str, str]:
    errors: dict[str, str] = {}
    if report.cached_input_tokens > report.input_tokens:
        errors["cached_input_tokens"] = "Cached tokens are among the input tokens and cannot be more."
    if report.reasoning_tokens > report.output_tokens:
        errors["reasoning_tokens"] = "Reasoning tokens are among the output tokens and cannot be more."
    if report.created_at is not None and report.created_at > now + CLOCK_TOLERANCE:
        errors["created_at"] = "This moment is yet to come."
    return errors


def _unknown_ids(report: UsageReport, known: Mapping[str, Mapping[UUID, Any]]) -> dict[str, str]:
    return {name: NOT_THERE[name] for name, ids in known.items() if getattr(report, name) not in {None, *ids}}


def _excess(price: Price) -> dict[str, str]:
    if price.cost_units is None or price.cost_units <= MAX_COST_UNITS:
        return {}
    return {"cost": f"One record costs {dollars(MAX_COST_UNITS)} dollars at most; report the calls one by one."}


def _row(
    actor: Actor,
    report: UsageReport,
    price: Price,
    known: Mapping[str, Mapping[UUID, UUID | None]],
    now: datetime,
) -> UsageRecord:
    names = (*TOKENS, "provider", "model", "latency_ms", "thread_id", "message_id", "agent_id", "external_id")
    named = (known[name].get(getattr(report, name)) for name in ("domain_id", "agent_id", "thread_id"))
    return UsageRecord(
        organization_id=actor.organization_id,
        domain_id=actor.domain_id or next((each for each in named if each is not None), None),
        user_id=actor.user_id,
        key_id=actor.key_id,
        cost_units=price.cost_units,
        price_source=price.source,
        price_date=price.date,
        fingerprint="" if report.external_id is None else report.fingerprint,
        metadata=dict(report.metadata),
        created_at=report.created_at or now,
        recorded_at=now,
        **{name: getattr(report, name) for name in names},
    )


def _insert(actor: Actor, rows: list[UsageRecord]) -> list[UsageRecord]:
    """Insert first and look afterwards: whoever sends the same external id at the same time waits here."""
    UsageRecord.objects.bulk_create([row for row in rows if row.external_id is None])
    named = {row.external_id: row for row in rows if row.external_id is not None}
    if not named:
        return rows
    # In one order everywhere, so that two batches never wait for each other.
    UsageRecord.objects.bulk_create([named[each] for each in sorted(named)], ignore_conflicts=True)
    stored = {row.external_id: row for row in UsageRecord.objects.visible_to(actor).filter(external_id__in=named)}
    for external_id, row in named.items():
        if external_id not in stored or stored[external_id].fingerprint != row.fingerprint:
            raise UsageConflict("Nothing was recorded; send external ids that are not in use, or the same report.")
    return [row if row.external_id is None else stored[row.external_id] for row in rows]
