"""Changes to organizations, people and keys."""

from accounts.services.idempotency import purge_idempotency_records
from accounts.services.keys import create_api_key, revoke_api_key
from accounts.services.organizations import SlugTaken, create_organization

__all__ = ["SlugTaken", "create_api_key", "create_organization", "purge_idempotency_records", "revoke_api_key"]
