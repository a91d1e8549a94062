"""Accounts in the admin."""

from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.admin.agent_sessions import AgentSessionAdmin
from accounts.admin.base import OrganizationField, acting_in
from accounts.admin.keys import ApiKeyAdmin
from accounts.admin.organizations import OrganizationAdmin
from accounts.admin.people import InvitationAdmin, MembershipAdmin, UserAdmin
from accounts.admin.roles import RoleAdmin
from accounts.admin.structure import DomainAdmin, InstanceAdmin

__all__ = [
    "AgentSessionAdmin",
    "ApiKeyAdmin",
    "DomainAdmin",
    "InstanceAdmin",
    "InvitationAdmin",
    "MembershipAdmin",
    "OrganizationAdmin",
    "OrganizationField",
    "RoleAdmin",
    "UserAdmin",
    "acting_in",
]

# What people may do follows from their roles in organizations; groups would promise what nobody asks for.
admin.site.unregister(Group)
