"""Organizations, what they are divided into, their people and their keys."""

from accounts.models.agent_session import AgentSession
from accounts.models.idempotency import IdempotencyRecord
from accounts.models.keys import ApiKey
from accounts.models.organizations import Domain, Instance, InstanceAgent, Organization
from accounts.models.people import Invitation, Membership, User
from accounts.models.roles import Permission, Role

__all__ = [
    "AgentSession",
    "ApiKey",
    "Domain",
    "IdempotencyRecord",
    "Instance",
    "InstanceAgent",
    "Invitation",
    "Membership",
    "Organization",
    "Permission",
    "Role",
    "User",
]
