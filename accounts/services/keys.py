"""API keys: made, shown once, revoked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.keys import make_key
from accounts.models import ApiKey, Organization, User


@transaction.atomic
def create_api_key(
    *,
    organization: Organization,
    name: str,
    created_by: User | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key and return it with its text, which is stored nowhere and cannot be shown again."""
    new = make_key()
    key = ApiKey.objects.create(
        organization=organization,
        name=name,
        prefix=new.prefix,
        digest=new.digest,
        pepper_id=new.pepper_id,
        created_by=created_by,
        expires_at=expires_at,
    )
    return key, new.text


@transaction.atomic
def revoke_api_key(*, key: ApiKey, now: datetime | None = None) -> None:
    """Refuse the key from now on; revoking it again keeps the first time."""
    ApiKey.objects.filter(pk=key.pk, organization_id=key.organization_id, revoked_at=None).update(
        revoked_at=now or timezone.now()
    )
