"""What happened and what it cost: rows that are added and never changed."""

from ledger.models.audit import PLATFORM, AuditChain, AuditEntry, ChainErasure
from ledger.models.budget import Budget
from ledger.models.prices import PriceOverride
from ledger.models.usage import UsageRecord

__all__ = ["PLATFORM", "AuditChain", "AuditEntry", "Budget", "ChainErasure", "PriceOverride", "UsageRecord"]
