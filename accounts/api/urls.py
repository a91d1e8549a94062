"""Addresses of organizations, their parts, their people and their keys, each with and without a trailing slash."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, re_path

from accounts.api.agent_sessions import AgentSessionViewSet
from accounts.api.domains import DomainViewSet
from accounts.api.instances import DomainInstancesViewSet, InstanceViewSet
from accounts.api.invitations import InvitationViewSet
from accounts.api.keys import KeyViewSet
from accounts.api.me import MeViewSet
from accounts.api.memberships import MembershipViewSet
from accounts.api.organizations import OrganizationViewSet
from accounts.api.roles import PermissionViewSet, RoleViewSet
from core.viewsets import BaseViewSet

COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
ITEM: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
PK = r"(?P<pk>[^/]+)"


def urls(path: str, views: type[BaseViewSet], *, name: str, item: dict[str, Any] = ITEM) -> list[URLPattern]:
    """The routes of a collection and of one row of it, named `…-list` and `…-detail`."""
    return [
        re_path(rf"^{path}/?$", views.as_view(COLLECTION, suffix="List"), name=f"{name}-list"),
        re_path(rf"^{path}/{PK}/?$", views.as_view(item), name=f"{name}-detail"),
    ]


def act(path: str, views: type[BaseViewSet], action: str, *, name: str) -> URLPattern:
    """The route of one act on a row: `POST …/{id}/{action}`."""
    return re_path(rf"^{path}/{PK}/{action}/?$", views.as_view({"post": action}), name=f"{name}-{action}")


urlpatterns = [
    re_path(r"^me/?$", MeViewSet.as_view({"get": "show"}), name="me"),
    *urls("organizations", OrganizationViewSet, name="organization"),
    *urls("domains", DomainViewSet, name="domain"),
    act("domains", DomainViewSet, "restore", name="domain"),
    re_path(
        rf"^domains/{PK}/instances/?$",
        DomainInstancesViewSet.as_view(COLLECTION, suffix="List"),
        name="domain-instances",
    ),
    *urls("instances", InstanceViewSet, name="instance"),
    act("instances", InstanceViewSet, "restore", name="instance"),
    *urls("agent-sessions", AgentSessionViewSet, name="agentsession", item={"get": "retrieve"}),
    act("agent-sessions", AgentSessionViewSet, "heartbeat", name="agentsession"),
    act("agent-sessions", AgentSessionViewSet, "end", name="agentsession"),
    re_path(r"^permissions/?$", PermissionViewSet.as_view({"get": "catalogue"}), name="permission-catalogue"),
    *urls("roles", RoleViewSet, name="role"),
    re_path(r"^memberships/?$", MembershipViewSet.as_view({"get": "list"}, suffix="List"), name="membership-list"),
    re_path(
        rf"^memberships/{PK}/?$",
        MembershipViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="membership-detail",
    ),
    *urls("invitations", InvitationViewSet, name="invitation", item={"get": "retrieve", "delete": "destroy"}),
    *urls("keys", KeyViewSet, name="key", item={"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    act("keys", KeyViewSet, "rotate", name="key"),
]
