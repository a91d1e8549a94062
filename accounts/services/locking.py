"""What every change of people's rights holds until its end."""

from __future__ import annotations

from uuid import UUID

from accounts.models import Organization
from core.errors import NotFound


def hold_organization(organization_id: UUID) -> Organization:
    """Return the organization, locked: memberships, roles and invitations of it change one after the other.

    So two owners who leave at the same moment do not both find the other one still there. Rows that only name the
    organization go on being written. Raises `NotFound`.
    """
    organization = Organization.objects.select_for_update(no_key=True).filter(pk=organization_id).first()
    if organization is None:
        raise NotFound
    return organization
