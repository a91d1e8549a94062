"""The catalogue of permissions: every code that an action of the API or the admin may ask for, and no other.

A code is `noun.verb`. The database has a copy that `accounts.roles.sync_roles` keeps in step.
"""

from __future__ import annotations

PERMISSIONS: dict[str, str] = {
    "organization.read": "See the organization and its settings",
    "organization.create": "Create organizations; held by platform administrators alone",
    "organization.update": "Change the organization's name and settings",
    "organization.delete": "Suspend the organization",
    "domain.read": "See domains",
    "domain.create": "Create domains",
    "domain.update": "Change domains",
    "domain.delete": "Delete and restore domains",
    "instance.read": "See instances",
    "instance.create": "Create instances",
    "instance.update": "Change instances and the agents they run",
    "instance.delete": "Delete and restore instances",
    "membership.read": "See who belongs to the organization",
    "membership.update": "Change the role and the domain of people",
    "membership.delete": "Remove people",
    "invitation.read": "See invitations",
    "invitation.create": "Invite people",
    "invitation.delete": "Revoke invitations",
    "role.read": "See roles and what they may do",
    "role.create": "Create the organization's own roles",
    "role.update": "Change the organization's own roles",
    "role.delete": "Delete the organization's own roles",
    "key.read": "See API keys, never their secrets",
    "key.create": "Create API keys",
    "key.update": "Rename and narrow API keys",
    "key.delete": "Revoke API keys",
    "agent.read": "See agents",
    "agent.create": "Create agents",
    "agent.update": "Change agents",
    "agent.delete": "Delete and restore agents",
    "integration.read": "See integrations, never their secrets",
    "integration.create": "Create integrations",
    "integration.update": "Change integrations and their secrets",
    "integration.delete": "Delete and restore integrations",
    "integration.test": "Test the connection of an integration",
    "session.read": "See sessions of agents",
    "session.create": "Start sessions of agents",
    "session.update": "Send heartbeats and end sessions of agents",
    "thread.read": "See threads",
    "thread.create": "Create threads",
    "thread.update": "Change and archive threads",
    "thread.delete": "Delete and restore threads",
    "thread.export": "Export threads with their messages",
    "message.read": "Read messages",
    "message.create": "Append messages",
    "message.delete": "Delete and restore messages",
    "feedback.read": "See feedback",
    "feedback.create": "Give feedback",
    "feedback.update": "Change feedback",
    "feedback.delete": "Delete and restore feedback",
    "usage.read": "See usage and what it cost",
    "usage.create": "Report usage",
    "usage.export": "Export usage",
    "budget.read": "See budgets",
    "budget.create": "Create budgets",
    "budget.update": "Change budgets",
    "budget.delete": "Delete budgets",
    "audit.read": "See the audit trail",
    "audit.export": "Export the audit trail",
}

PLATFORM_PERMISSIONS = frozenset({"organization.create"})
"""Codes that no role and no key of an organization can hold."""

ORGANIZATION_PERMISSIONS = frozenset(PERMISSIONS) - PLATFORM_PERMISSIONS

READ_PERMISSIONS = frozenset(code for code in ORGANIZATION_PERMISSIONS if code.endswith(".read"))
"""What a read-only key may do at most."""

DOMAIN_NOUNS = frozenset({"agent", "feedback", "instance", "message", "session", "thread", "usage"})

DOMAIN_PERMISSIONS = frozenset(
    code for code in ORGANIZATION_PERMISSIONS if code.partition(".")[0] in DOMAIN_NOUNS or code == "domain.read"
)
"""What somebody may do at most who is narrowed to one domain; the rest concerns the organization as a whole."""


def nouns(*names: str) -> frozenset[str]:
    """Return all codes of these nouns."""
    return frozenset(code for code in ORGANIZATION_PERMISSIONS if code.partition(".")[0] in names)


def reading(*names: str) -> frozenset[str]:
    """Return the codes that read these nouns."""
    return frozenset(f"{name}.read" for name in names)
