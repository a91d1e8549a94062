"""What happened and what it cost, in the admin."""

from ledger.admin.audit import AuditEntryAdmin
from ledger.admin.budgets import BudgetAdmin, PriceOverrideAdmin
from ledger.admin.usage import UsageRecordAdmin

__all__ = ["AuditEntryAdmin", "BudgetAdmin", "PriceOverrideAdmin", "UsageRecordAdmin"]
