"""Who is asking: the one protocol that a member's session and an API key both satisfy."""

from __future__ import annotations

from typing import Any, Protocol, cast
from uuid import UUID

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

ANY_ACTOR = "*"
"""Stands for a permission code where everybody is let in whose key or session is good."""


class Actor(Protocol):
    """Somebody who acts inside exactly one organization."""

    @property
    def organization_id(self) -> UUID: ...

    @property
    def domain_id(self) -> UUID | None:
        """The one domain the actor is narrowed to; None for the whole organization."""
        ...

    @property
    def user_id(self) -> UUID | None:
        """The person behind the act; None for a service's key."""
        ...

    @property
    def key_id(self) -> UUID | None:
        """The API key that was shown; None for a browser session."""
        ...

    @property
    def kind(self) -> str:
        """`user`, `key` or `system`."""
        ...

    @property
    def label(self) -> str:
        """What people know the actor by: a username, the visible part of a key."""
        ...

    def can(self, code: str) -> bool:
        """Whether the actor holds the permission `noun.verb` in its organization."""
        ...


class HasPermissionCode(BasePermission):
    """Deny, then allow: the action must name a permission code and the actor must hold it."""

    message = "Your role or key does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        actor: Actor | None = cast("Actor | None", request.auth)
        if actor is None:
            return False
        if request.method == "OPTIONS" or view.action is None:
            # Without an action there is no handler: the answer is 405, for everybody.
            return True
        code: str | None = view.permission_codes.get(view.action)
        return code is not None and (code == ANY_ACTOR or actor.can(code))
