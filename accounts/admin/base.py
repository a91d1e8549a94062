"""What the admin pages of organizations' rows share: who acts there, and where a new row goes."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.http import HttpRequest

from accounts.actors import MemberActor
from accounts.models import Organization, User
from core.access import Actor
from core.admin import scope_of


def acting_in(organization_id: UUID, request: HttpRequest) -> Actor:
    """Return the person who is logged in as an actor of the organization of the row at hand.

    Members act within their role; platform administrators may do everything anywhere, in their own name.
    """
    person = cast("User", request.user)
    name = person.get_username()
    if person.is_superuser:
        return MemberActor(organization_id, person.pk, name, is_platform_administrator=True)
    grants = [grant for grant in scope_of(request).grants if grant.organization_id == organization_id]
    codes, domain_id = (grants[0].permissions, grants[0].domain_id) if grants else (frozenset[str](), None)
    return MemberActor(organization_id, person.pk, name, permissions=codes, domain_id=domain_id)


class OrganizationField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic only for the type checker
    """The organization of a new row. Forms name it `tenant`: the column itself is not for editing, ever."""

    def __init__(self, model: type[Any], **options: Any) -> None:
        widget = AutocompleteSelect(model._meta.get_field("organization"), admin.site)
        super().__init__(Organization.objects.all(), **{"label": "Organization", "widget": widget, **options})
