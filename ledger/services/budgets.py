"""Budgets: made and changed, held against what was spent, and asked before a model is called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, DomainError
from core.preconditions import ANY_VERSION, Precondition
from ledger.models import Budget, UsageRecord
from ledger.money import dollars
from ledger.services.audit import change_of, record, subject_of
from ledger.services.places import NOT_THERE, domains_of
from ledger.totals import cost_of, sums_of_cost

AUDITED = (*("name", "domain_id", "agent_id", "period", "limit_units", "warn_at_percent", "is_hard", "is_active"),)


class BudgetConflict(Conflict):
    """Another budget of the organization has the name."""

    code = "budget_exists"


class InvalidBudget(DomainError):
    """The scope of a budget is not there, or there are two."""

    code = "invalid"
    title = "The body has fields that cannot be used."

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("See errors for the fields and the reasons.", errors=errors)


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget and what was spent of it in its present period. Calls of unknown cost are counted, not reckoned."""

    budget: Budget
    period_start: datetime | None
    spent_units: int
    unknown_cost_requests: int

    @property
    def remaining_units(self) -> int:
        return max(self.budget.limit_units - self.spent_units, 0)

    @property
    def state(self) -> str:
        """`ok`, `warning`, or `exceeded` once the limit is reached."""
        if self.spent_units >= self.budget.limit_units:
            return "exceeded"
        is_near = self.spent_units * 100 >= self.budget.limit_units * self.budget.warn_at_percent
        return "warning" if is_near else "ok"


class BudgetExceeded(DomainError):
    """A hard budget is used up, so that no model may be called."""

    status = 402
    code = "budget_exceeded"
    title = "The budget is used up."

    def __init__(self, standing: Standing) -> None:
        budget = standing.budget
        limit, spent = dollars(budget.limit_units), dollars(standing.spent_units)
        super().__init__(f"The budget {budget.name} allows {limit} US dollars; {spent} are spent.")
        self.members = {"budget_id": str(budget.pk), "budget_name": budget.name, "limit": limit, "spent": spent}


def create_budget(*, actor: Actor, fields: dict[str, Any], now: datetime | None = None) -> Budget:
    """Create a budget. Raises `InvalidBudget` and `BudgetConflict`."""
    moment = now or timezone.now()
    budget = Budget(organization_id=actor.organization_id, created_at=moment, updated_at=moment, **fields)
    _check_scope(actor, budget.domain_id, budget.agent_id)
    try:
        with transaction.atomic():
            budget.save(force_insert=True)
            after = {name: getattr(budget, name) for name in AUDITED}
            record(actor=actor, action="budget.created", subject=subject_of(budget), after=after, now=moment)
    except IntegrityError:
        raise BudgetConflict("A budget of this name is there already.") from None
    return budget


def update_budget(
    *,
    actor: Actor,
    budget_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Budget:
    """Change a budget. Raises `NotFound`, `VersionMismatch`, `InvalidBudget` and `BudgetConflict`."""
    moment = now or timezone.now()
    try:
        with transaction.atomic():
            budget = lock_row(Budget.objects.visible_to(actor), budget_id, precondition)
            domain_id, agent_id = (changes.get(name, getattr(budget, name)) for name in ("domain_id", "agent_id"))
            _check_scope(actor, domain_id, agent_id, changed=changes)
            change = change_of(budget, changes)
            save_changes(budget, changes, now=moment)
            record(actor=actor, action="budget.updated", subject=subject_of(budget), **change._asdict(), now=moment)
    except IntegrityError:
        raise BudgetConflict("Another budget has this name.") from None
    return budget


@transaction.atomic
def delete_budget(
    *, actor: Actor, budget_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Delete a budget for good; what was spent stays on record. Raises `NotFound` and `VersionMismatch`."""
    budget = lock_row(Budget.objects.visible_to(actor), budget_id, precondition)
    subject, before = subject_of(budget), {name: getattr(budget, name) for name in AUDITED}
    budget.delete()
    record(actor=actor, action="budget.deleted", subject=subject, before=before, now=now or timezone.now())


def _check_scope(
    actor: Actor, domain_id: UUID | None, agent_id: UUID | None, *, changed: Collection[str] = ("domain_id", "agent_id")
) -> None:
    """An id that is not changed may name what is gone by now."""
    if domain_id is not None and agent_id is not None:
        raise InvalidBudget({"agent_id": ["A budget is for one domain or for one agent, not for both."]})
    for name, value in (("domain_id", domain_id), ("agent_id", agent_id)):
        if name in changed and value is not None and value not in domains_of(actor, name, [value]):
            raise InvalidBudget({name: [NOT_THERE[name]]})


def check_budgets(
    *, actor: Actor, agent_id: UUID | None = None, domain_id: UUID | None = None, now: datetime | None = None
) -> list[Standing]:
    """Return how the budgets stand that a call of a model would count against; asked before the call.

    Without a domain it is the actor's, else the agent's. Raises `BudgetExceeded` for a hard budget that is used up,
    and `InvalidBudget` for an agent or a domain that is not there.
    """
    agents = domains_of(actor, "agent_id", [agent_id])
    domains = domains_of(actor, "domain_id", [domain_id])
    for name, value, known in (("agent_id", agent_id, agents), ("domain_id", domain_id, domains)):
        if value is not None and value not in known:
            raise InvalidBudget({name: [NOT_THERE[name]]})
    scope = actor.domain_id or domain_id or (agents.get(agent_id) if agent_id else None)
    standings = standings_for(actor.organization_id, domain_ids=[scope], agent_ids=[agent_id], now=now)
    for each in standings:
        if each.budget.is_hard and each.state == "exceeded":
            raise BudgetExceeded(each)
    return standings


def standings_for(
    organization_id: UUID,
    *,
    domain_ids: Iterable[UUID | None],
    agent_ids: Iterable[UUID | None],
    now: datetime | None = None,
) -> list[Standing]:
    """Return how the active budgets of the organization, these domains and these agents stand, by name."""
    rows = Budget.objects.filter(organization_id=organization_id).enabled()
    limiting = rows.limiting(
        domain_ids={each for each in domain_ids if each}, agent_ids={each for each in agent_ids if each}
    )
    return standings_of(sorted(limiting, key=lambda row: row.name), now=now)


def budgets_at_risk(records: Iterable[UsageRecord], *, now: datetime | None = None) -> list[Standing]:
    """Return how those budgets stand that records of one organization count against and that are not ok."""
    rows = list(records)
    if not rows:
        return []
    standings = standings_for(
        rows[0].organization_id,
        domain_ids=[row.domain_id for row in rows],
        agent_ids=[row.agent_id for row in rows],
        now=now,
    )
    return [each for each in standings if each.state != "ok"]


def standings_of(budgets: Sequence[Budget], *, now: datetime | None = None) -> list[Standing]:
    """Return how budgets of one organization stand; at most one query for each kind of scope and period."""
    moment = now or timezone.now()
    alike: defaultdict[tuple[str, str], list[Budget]] = defaultdict(list)
    for each in budgets:
        alike[_scope_of(each), each.period].append(each)
    spent: dict[UUID, Mapping[str, Any]] = {}
    for (scope, period), group in alike.items():
        spent |= _spent(scope, group, start_of(period, moment))
    return [
        Standing(
            budget=each,
            period_start=start_of(each.period, moment),
            spent_units=cost_of(spent[each.pk]),
            unknown_cost_requests=spent[each.pk]["unknown_cost_requests"] or 0,
        )
        for each in budgets
    ]


def attach_standings(budgets: Sequence[Budget], *, now: datetime | None = None) -> None:
    """Give each budget of one organization its `standing`."""
    for each in standings_of(budgets, now=now):
        each.budget.standing = each  # type: ignore[attr-defined]


def start_of(period: str, moment: datetime) -> datetime | None:
    """Return when the period that a moment lies in began, in UTC; None for all time."""
    if period == Budget.Period.TOTAL:
        return None
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.replace(day=1) if period == Budget.Period.MONTH else midnight


def _scope_of(budget: Budget) -> str:
    return "domain_id" if budget.domain_id else "agent_id" if budget.agent_id else ""


NOTHING: Mapping[str, Any] = {"cost_high": 0, "cost_low": 0, "unknown_cost_requests": 0}


def _spent(scope: str, budgets: Sequence[Budget], since: datetime | None) -> dict[UUID, Mapping[str, Any]]:
    """Return the sums of budgets of one kind, by their ids."""
    records = UsageRecord.objects.filter(organization_id=budgets[0].organization_id)
    if since is not None:
        records = records.filter(created_at__gte=since)
    if not scope:
        sums = records.aggregate(**sums_of_cost())
        return {each.pk: sums for each in budgets}
    wanted = {getattr(each, scope) for each in budgets}
    rows = records.filter(**{f"{scope}__in": wanted}).order_by().values(scope).annotate(**sums_of_cost())
    found = {row[scope]: row for row in rows}
    return {each.pk: found.get(getattr(each, scope), NOTHING) for each in budgets}
