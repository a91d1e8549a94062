"""Pages of rows that belong to organizations: staff see their own, as far as their role goes."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cached_property, wraps
from typing import Any, ClassVar, cast
from uuid import UUID

from django.apps import apps
from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin.base import BaseAdmin
from core.admin.filters import Suggestion, ValueFilter
from core.admin.pages import UncountedChangeList
from core.grants import AdminScope

OFFERED_ORGANIZATIONS = 10
VERBS = {"view": "read", "add": "create", "change": "update", "delete": "delete", "trash": "delete"}
"""The words of Django's admin and of actions, and those of permission codes; other words are the same in both."""

LEFT_ALONE = "Some of the selected rows were left as they are: your role in their organization does not allow this."

Action = Callable[[Any, HttpRequest, QuerySet[Any]], Any]


def scope_of(request: HttpRequest) -> AdminScope:
    """Return the scope of the person who is logged in, read once a request."""
    known: AdminScope | None = getattr(request, "admin_scope", None)
    if known is None:
        made = getattr(request.user, "admin_scope", AdminScope)
        known = cast("AdminScope", made())
        request.admin_scope = known  # type: ignore[attr-defined]
    return known


class OrganizationFilter(ValueFilter):
    """Rows of one organization, by its slug. Where there is only one, it is chosen: so its indexes serve the list."""

    title = "organization"
    parameter_name = "organization"
    placeholder = "slug"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        organizations = apps.get_model("accounts", "Organization")._default_manager.all()
        ids = scope_of(request).organization_ids(model_admin.code_for("view"))
        self.organizations: QuerySet[Any] = organizations if ids is None else organizations.filter(pk__in=ids)

    @cached_property
    def offered(self) -> list[Any]:
        return list(self.organizations.order_by("slug").only("slug", "name")[: OFFERED_ORGANIZATIONS + 1])

    @cached_property
    def organization_id(self) -> UUID | None:
        """The one organization whose rows are listed, None for all or for one that is not there."""
        if not self.value:
            return self.offered[0].pk if len(self.offered) == 1 else None
        found = next((each for each in self.offered if each.slug == self.value), None)
        return found.pk if found else self.organizations.filter(slug=self.value).values_list("pk", flat=True).first()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.organization_id is None:
            return queryset.none() if self.value else queryset
        return queryset.filter(organization_id=self.organization_id)

    def suggestions(self) -> list[Suggestion]:
        return [Suggestion(each.slug, each.name) for each in self.offered[:OFFERED_ORGANIZATIONS]]


class TenantChangeList(UncountedChangeList):
    """Sorted as an index is: inside of an organization by `ordering_inside`, across all by `ordering`."""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        chosen = (each for each in self.filter_specs if isinstance(each, OrganizationFilter))
        is_narrowed = any(each.organization_id is not None for each in chosen)
        inside = cast("TenantAdmin", self.model_admin).ordering_inside
        if inside and is_narrowed and not self.params.get(ORDER_VAR):
            return list(inside)
        return super().get_ordering(request, queryset)


class TenantAdmin(BaseAdmin):
    """Rows of organizations. `permission_noun` names them in permission codes: `thread` for `thread.read`.

    Staff see the rows of organizations where their role lets them read, and change them where it lets them change;
    platform administrators see all. A row outside of that is not there, as over the API.

    An action states its `permissions` and works on those of the selected rows on which they are held; one that states
    none is not offered. The choice of a related row offers what that row's own list would show.
    """

    permission_noun: ClassVar[str]
    ordering_inside: ClassVar[tuple[str, ...]] = ()
    """The order of the list of one organization, where it is not that of all."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[UncountedChangeList]:
        return TenantChangeList

    def code_for(self, verb: str) -> str:
        """The permission code of a word: `view`, `add`, `change`, `delete`, or one that an action states."""
        return f"{self.permission_noun}.{VERBS.get(verb, verb)}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return scope_of(request).restrict(super().get_queryset(request), self.code_for("view"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A new row goes to an organization where the person may make one: the field `tenant` offers no other."""
        form = super().get_form(request, obj, change, **kwargs)
        ids = scope_of(request).organization_ids(self.code_for("add"))
        if ids is not None and "tenant" in form.base_fields:
            field: Any = deepcopy(form.base_fields["tenant"])
            form.base_fields["tenant"] = field
            field.queryset = field.queryset.filter(pk__in=ids)
            field.initial = ids[0] if len(ids) == 1 else None
        return form

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        related = self.admin_site._registry.get(db_field.remote_field.model)
        rows = super().get_field_queryset(db, db_field, request)
        if not isinstance(related, TenantAdmin):
            return rows
        offered: QuerySet[Any] = rows if rows is not None else related.model._default_manager.using(db).all()
        return scope_of(request).restrict(offered, related.code_for("view"))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        offered: dict[str, Any] = super().get_actions(request)
        return {
            name: (_on_permitted_rows(action), name, description)
            for name, (action, _name, description) in offered.items()
            if getattr(action, "allowed_permissions", ())
        }

    def _may(self, request: HttpRequest, verb: str, obj: Any = None) -> bool:
        return scope_of(request).can(self.code_for(verb), None if obj is None else obj.organization_id)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "delete", obj)

    def has_trash_permission(self, request: HttpRequest) -> bool:
        """Whether rows may be moved to the trash and back, which is not the deleting that Django means."""
        return self._may(request, "trash")

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "export")


def _on_permitted_rows(action: Any) -> Action:
    """An action on the rows where its permissions are held; of others that were selected it says that they are not."""

    @wraps(action)
    def act(model_admin: TenantAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        scope, seen = scope_of(request), model_admin.code_for("view")
        codes = [model_admin.code_for(word) for word in action.allowed_permissions]
        needed = [code for code in codes if not scope.holds_wherever(code, seen)]
        permitted = queryset
        for code in needed:
            permitted = scope.restrict(permitted, code)
        if needed and queryset.exclude(pk__in=permitted.values("pk")).exists():
            model_admin.message_user(request, LEFT_ALONE, messages.WARNING)
        return action(model_admin, request, permitted)

    return act


class ReadOnlyTenantAdmin(TenantAdmin):
    """Rows of organizations that are looked at and not changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
