"""The form of an API key: what bounds it."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from django import forms
from django.utils import timezone

from accounts.admin.base import OrganizationField
from accounts.models import ApiKey
from accounts.permissions import ORGANIZATION_PERMISSIONS, PERMISSIONS
from core.admin import ExactCharField
from core.networks import parse_network

MAX_NETWORKS = 32


def permission_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The codes that a key or a role can hold, under their nouns."""
    codes = [code for code in PERMISSIONS if code in ORGANIZATION_PERMISSIONS]
    nouns = groupby(codes, key=lambda code: code.partition(".")[0])
    return [(noun, [(code, f"{code}: {PERMISSIONS[code]}") for code in found]) for noun, found in nouns]


class NetworksField(ExactCharField):
    """Networks, one a line."""

    widget = forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"})

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in (super().to_python(value) or "").split("\n") if line.strip()]
        if len(lines) > MAX_NETWORKS:
            raise forms.ValidationError(f"Give {MAX_NETWORKS} networks at most.")
        try:
            return [str(parse_network(line)) for line in lines]
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def validate(self, value: Any) -> None:
        """An empty list stands for any network."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or []) != self.to_python(data))
        except forms.ValidationError:
            return True


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    tenant = OrganizationField(ApiKey)
    personal = forms.BooleanField(
        required=False,
        label="Personal",
        help_text="It acts for you, within your role in the organization, and ends with your membership.",
    )
    is_narrowed = forms.BooleanField(
        required=False,
        label="Only these permissions",
        help_text="Without it the key may do all that its owner may, or all that you can give.",
    )
    permissions = forms.MultipleChoiceField(
        choices=permission_choices, required=False, widget=forms.SelectMultiple(attrs={"size": 15})
    )
    allowed_networks = NetworksField(
        required=False, help_text="One a line, for instance 192.0.2.0/24; empty: it works from anywhere."
    )

    class Meta:
        model = ApiKey
        fields = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            # A key stays what it is, in its organization, for life.
            for name in ("tenant", "personal"):
                self.fields.pop(name, None)
            self.initial["is_narrowed"] = self.instance.permissions is not None
            self.initial["permissions"] = self.instance.permissions or []

    def clean_expires_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["expires_at"]
        if moment is not None and "expires_at" in self.changed_data and moment <= timezone.now():
            raise forms.ValidationError("Give a moment in the future; revoke a key that shall be refused now.")
        return moment

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("permissions") and not cleaned.get("is_narrowed"):
            self.add_error("is_narrowed", "Permissions are chosen: tick this, or choose none.")
        return cleaned

    def bounds(self) -> dict[str, Any]:
        """What was entered, in the words of the service."""
        cleaned = self.cleaned_data
        entered = {name: cleaned[name] for name in ("name", "is_read_only", "allowed_networks", "expires_at")}
        return {**entered, "permissions": sorted(cleaned["permissions"])} if cleaned["is_narrowed"] else entered

    def changes(self) -> dict[str, Any]:
        """What was changed, in the words of the service."""
        changed = set(self.changed_data)
        if "is_narrowed" in changed:
            changed.add("permissions")
        entered = {"permissions": None, **self.bounds()}
        return {name: value for name, value in entered.items() if name in changed}
