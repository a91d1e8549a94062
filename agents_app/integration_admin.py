"""Integrations in the admin: their secrets can be set and removed there, and are never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from rest_framework.serializers import ValidationError as InvalidValue

from accounts.admin import OrganizationField, acting_in
from agents_app import integrations as services
from agents_app.connections import check_connection
from agents_app.models import IntegrationConfig
from agents_app.validators import read_secrets, validate_base_url, validate_settings
from core.admin import (
    DateFilter,
    JSONFormField,
    OrganizationFilter,
    TenantAdmin,
    TrashFilter,
    clock_time,
    scope_of,
)
from core.admin.moves import move_rows
from core.errors import DomainError
from core.problems import flatten
from core.secrets import SecretText

NOT_COLUMNS = frozenset({"tenant", "secret_texts"})
MAX_AT_ONCE = 1000
MAX_TESTS = 5
"""Integrations that one action tests: each may take the whole time limit of an exchange."""


class SecretsWidget(forms.Widget):
    """A password field for each secret that is set, empty, with a box to remove it, and a line for a new one."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        line = (
            '<p><label for="id_{0}-{1}">{1}</label> '
            '<input type="password" name="{0}-{1}" id="id_{0}-{1}" autocomplete="new-password" placeholder="set"> '
            '<label><input type="checkbox" name="{0}-remove-{1}"> remove</label></p>'
        )
        rows = format_html_join("", line, ((name, each) for each in self.names))
        new = format_html(
            '<p><input type="text" name="{0}:new" aria-label="Name of a new secret" placeholder="name"> '
            '<input type="password" name="{0}:value" aria-label="The new secret" autocomplete="new-password"></p>',
            name,
        )
        return format_html("<div>{}{}</div>", rows, new)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, Any]:
        """Only what was written or ticked; an empty field keeps its secret."""
        written = {each: data.get(f"{name}-{each}") for each in self.names}
        found: dict[str, Any] = {each: SecretText(text) for each, text in written.items() if text}
        found |= {each: None for each in self.names if data.get(f"{name}-remove-{each}")}
        new, value = data.get(f"{name}:new", ""), data.get(f"{name}:value", "")
        return found | ({new: SecretText(value)} if new or value else {})

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False


class SecretsField(forms.Field):
    """Changes of secrets, as the services take them."""

    widget = SecretsWidget

    def __init__(self) -> None:
        super().__init__(
            required=False,
            label="Secrets",
            help_text="Empty keeps a secret. Below: a new one, its name (api_key, url, …) and its text.",
        )

    @sensitive_variables()
    def clean(self, value: Any) -> dict[str, SecretText | None]:
        try:
            return read_secrets(value)
        except InvalidValue as error:
            raise _as_form_error(error) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


def _as_form_error(error: InvalidValue) -> forms.ValidationError:
    """What the API would say, with the place where it stands."""
    told = [(path, text) for path, texts in flatten(error.detail) for text in texts]
    return forms.ValidationError([text if path == "non_field_errors" else f"{path}: {text}" for path, text in told])


class IntegrationForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    tenant = OrganizationField(IntegrationConfig)
    settings = JSONFormField(kind=dict, help_text="What is not secret.")
    secret_texts = SecretsField()

    class Meta:
        model = IntegrationConfig
        fields = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "secret_texts" in self.fields:
            self.fields["secret_texts"].widget.names = list(self.instance.secret_names)
        if not self.instance._state.adding:
            # An integration stays in its organization for life.
            self.fields.pop("tenant", None)

    def clean_base_url(self) -> str:
        address: str = self.cleaned_data["base_url"]
        if address:
            self._check(validate_base_url, address)
        return address

    def clean_settings(self) -> Any:
        settings = self.cleaned_data["settings"]
        self._check(validate_settings, settings)
        return settings

    def _check(self, validate: Callable[[Any], None], value: Any) -> None:
        try:
            validate(value)
        except InvalidValue as error:
            raise _as_form_error(error) from None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        is_new = self.instance._state.adding
        organization = cleaned.get("tenant") if is_new else self.instance.organization
        if organization is not None and cleaned.get("slug"):
            others = IntegrationConfig.objects.filter(organization_id=organization.pk, slug=cleaned["slug"]).active()
            if others.exclude(pk=self.instance.pk).exists():
                self.add_error("slug", "Another integration of the organization has this slug.")
        return cleaned


@admin.register(IntegrationConfig)
class IntegrationAdmin(TenantAdmin):
    """Integrations, made, changed and tested through the same services as over the API."""

    permission_noun = "integration"

    form = IntegrationForm
    list_display = ("name", "slug", "organization", "kind", "is_active", "last_test_status", "last_change")
    list_select_related = ("organization",)
    list_columns = (
        *("name", "slug", "kind", "is_active", "last_test_status", "updated_at", "trashed_at"),
        "organization__name",
    )
    list_filter = (OrganizationFilter, "is_active", TrashFilter, DateFilter)
    search_fields = ("name", "slug")
    search_help_text = "Parts of the name or the slug."
    ordering = ("-updated_at", "-id")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    readonly_fields = (
        *("organization", "id", "version", "created_at", "updated_at", "trashed_at"),
        *("set_secrets", "last_tested_at", "last_test_status", "last_test_detail"),
    )
    actions = ("test", "move_to_trash", "restore")

    @admin.display(description="last change", ordering="updated_at")
    def last_change(self, integration: IntegrationConfig) -> str:
        return clock_time(integration.updated_at)

    @admin.display(description="secrets")
    def set_secrets(self, integration: IntegrationConfig) -> str:
        return ", ".join(f"{name}: ••••" for name in integration.secret_names) or "none"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).without_secrets()  # type: ignore[attr-defined, no-any-return]

    def get_fieldsets(self, request: HttpRequest, obj: IntegrationConfig | None = None) -> Any:
        may_write = obj is None or self.has_change_permission(request, obj)
        secrets = "secret_texts" if may_write else "set_secrets"
        own = ("id", "version", "created_at", "updated_at", "trashed_at")
        tested = ("last_tested_at", "last_test_status", "last_test_detail")
        return [
            (None, {"fields": ["tenant" if obj is None else "organization", ("name", "slug"), "is_active"]}),
            ("Service", {"fields": ["kind", "base_url", "settings", secrets]}),
            *([] if obj is None else [("Last test", {"fields": tested})]),
            *([] if obj is None else [("History", {"fields": own, "classes": ["collapse"]})]),
        ]

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(*args, **kwargs)

    @sensitive_variables()
    def save_model(self, request: HttpRequest, obj: IntegrationConfig, form: Any, change: bool) -> None:
        secrets = form.cleaned_data["secret_texts"]
        if not change:
            fields = {name: value for name, value in form.cleaned_data.items() if name not in NOT_COLUMNS}
            actor = acting_in(form.cleaned_data["tenant"].pk, request)
            services.create_integration(actor=actor, fields={"id": obj.pk, **fields}, secrets=secrets)
            obj._state.adding = False
        elif form.changed_data:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name not in NOT_COLUMNS}
            actor = acting_in(obj.organization_id, request)
            services.update_integration(actor=actor, integration_id=obj.pk, changes=changes, secrets=secrets)

    def has_change_permission(self, request: HttpRequest, obj: IntegrationConfig | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.trashed_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: IntegrationConfig | None = None) -> bool:
        """Deleting moves to the trash; erasing for good is the organization's."""
        return False

    def has_trash_permission(self, request: HttpRequest) -> bool:
        return scope_of(request).can("integration.delete")

    def has_test_permission(self, request: HttpRequest) -> bool:
        return scope_of(request).can("integration.test")

    @admin.action(description="Test the connection of selected integrations", permissions=["test"])
    def test(self, request: HttpRequest, queryset: QuerySet[IntegrationConfig]) -> None:
        """One request each, a few at a time, outside of any transaction."""
        rows = scope_of(request).restrict(queryset, "integration.test")
        for pk, organization_id in rows.values_list("pk", "organization_id")[:MAX_TESTS]:
            try:
                row = check_connection(actor=acting_in(organization_id, request), integration_id=pk)
            except DomainError as error:
                self.message_user(request, error.detail, messages.ERROR)
                continue
            is_good = row.last_test_status == IntegrationConfig.TestStatus.OK
            level = messages.SUCCESS if is_good else messages.WARNING
            self.message_user(request, f"{row.name}: {row.last_test_status}. {row.last_test_detail}", level)

    @admin.action(description="Move selected integrations to the trash", permissions=["trash"])
    def move_to_trash(self, request: HttpRequest, queryset: QuerySet[IntegrationConfig]) -> None:
        self._move(request, queryset, services.trash_integration, "moved to the trash")

    @admin.action(description="Restore selected integrations from the trash", permissions=["trash"])
    def restore(self, request: HttpRequest, queryset: QuerySet[IntegrationConfig]) -> None:
        self._move(request, queryset, services.restore_integration, "restored")

    def _move(self, request: HttpRequest, rows: QuerySet[Any], move: Callable[..., Any], words: str) -> None:
        done = move_rows(rows, lambda pk, org: move(actor=acting_in(org, request), integration_id=pk))
        level = messages.SUCCESS if done.moved else messages.WARNING
        self.message_user(request, done.told("integration", words), level)
