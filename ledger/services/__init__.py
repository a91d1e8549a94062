"""Writing down what happened and what it cost."""

from ledger.services.audit import NO_SUBJECT, Change, Subject, change_of, record, record_for, subject_of
from ledger.services.audit_export import entries_as, export_audit
from ledger.services.budgets import (
    BudgetConflict,
    BudgetExceeded,
    InvalidBudget,
    Standing,
    attach_standings,
    budgets_at_risk,
    check_budgets,
    create_budget,
    delete_budget,
    standings_of,
    update_budget,
)
from ledger.services.erasing import erase_chain
from ledger.services.logins import record_login
from ledger.services.prices import (
    PriceConflict,
    create_price_override,
    delete_price_override,
    update_price_override,
)
from ledger.services.refusals import record_refusal
from ledger.services.totals import GROUPINGS, TooManyGroups, Total, group_usage, total_of
from ledger.services.usage import InvalidUsage, UsageConflict, UsageReport, record_usage, record_usage_batch
from ledger.services.usage_export import export_usage

__all__ = [
    "GROUPINGS",
    "NO_SUBJECT",
    "BudgetConflict",
    "BudgetExceeded",
    "Change",
    "InvalidBudget",
    "InvalidUsage",
    "PriceConflict",
    "Standing",
    "Subject",
    "TooManyGroups",
    "Total",
    "UsageConflict",
    "UsageReport",
    "attach_standings",
    "budgets_at_risk",
    "change_of",
    "check_budgets",
    "create_budget",
    "create_price_override",
    "delete_budget",
    "delete_price_override",
    "entries_as",
    "erase_chain",
    "export_audit",
    "export_usage",
    "group_usage",
    "record",
    "record_for",
    "record_login",
    "record_refusal",
    "record_usage",
    "record_usage_batch",
    "standings_of",
    "subject_of",
    "total_of",
    "update_budget",
    "update_price_override",
]
