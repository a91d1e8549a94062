"""The forms of memberships and invitations."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q

from accounts.admin.base import OrganizationField
from accounts.models import Domain, Invitation, Membership, Role
from accounts.services import memberships
from accounts.services.invitations import DEFAULT_DAYS, MAX_DAYS
from core.access import Actor

ActorIn = Callable[[UUID], Actor]


class RoleField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic only for the type checker
    """A role; of an organization's own ones it says whose they are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Role.objects.select_related("organization").order_by("name"), **options)

    def label_from_instance(self, obj: Role) -> str:
        return obj.name if obj.organization is None else f"{obj.name} ({obj.organization})"


class DomainField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic only for the type checker
    """A domain, with its organization; none stands for the whole organization."""

    def __init__(self, **options: Any) -> None:
        domains = Domain.objects.active().select_related("organization").order_by("name")
        super().__init__(domains, **{"required": False, "empty_label": "The whole organization", **options})

    def label_from_instance(self, obj: Domain) -> str:
        return f"{obj.name} ({obj.organization})"


class PlaceForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    """A role and a domain, which belong to the organization of the row."""

    role = RoleField()
    domain = DomainField()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance._state.adding:
            return
        for name in {"role", "domain"} & self.fields.keys():
            field: Any = self.fields[name]
            field.queryset = self._offered(field.queryset)

    def _offered(self, rows: Any) -> Any:
        organization_id = self.instance.organization_id
        return rows.offered_in(organization_id) if rows.model is Role else rows.filter(organization_id=organization_id)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        tenant = cleaned.get("tenant")
        for name in ("role", "domain"):
            chosen = cleaned.get(name)
            if tenant is not None and chosen is not None and chosen.organization_id not in (None, tenant.pk):
                self.add_error(name, "Choose one of the same organization.")
        return cleaned

    def place(self) -> dict[str, Any]:
        """Role and domain as services take them."""
        domain = self.cleaned_data["domain"]
        return {"role": self.cleaned_data["role"].slug, "domain_id": None if domain is None else domain.pk}


def narrow_places(form: type[PlaceForm], organization_ids: list[UUID] | None) -> None:
    """Offer nothing but what belongs to these organizations, None for all of them."""
    if organization_ids is None:
        return
    for name, rows in (
        ("role", Q(organization=None) | Q(organization_id__in=organization_ids)),
        ("domain", Q(organization_id__in=organization_ids)),
    ):
        if name in form.base_fields:
            # The field belongs to the class, which serves everybody.
            field: Any = deepcopy(form.base_fields[name])
            field.queryset = field.queryset.filter(rows)
            form.base_fields[name] = field


class MembershipForm(PlaceForm):
    class Meta:
        model = Membership
        fields = ("role", "domain")

    def changes(self) -> dict[str, Any]:
        """What was changed, as services take it."""
        names = {"role": "role", "domain": "domain_id"}
        return {names[name]: self.place()[names[name]] for name in self.changed_data if name in names}


class InlineMembershipForm(MembershipForm):
    tenant = OrganizationField(Membership)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.fields["tenant"].disabled = True
            self.fields["tenant"].initial = self.instance.organization_id


class MembershipFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]  # generic only for the type checker
    """The memberships of one person."""

    def clean(self) -> None:
        """A person belongs to an organization once."""
        super().clean()
        kept = [form for form in self.forms if form.cleaned_data.get("tenant") and not form.cleaned_data.get("DELETE")]
        organizations = [form.cleaned_data["tenant"] for form in kept]
        if len(organizations) != len(set(organizations)):
            raise forms.ValidationError("The person is in one of these organizations twice.")

    def save_through_services(self, acting_in: ActorIn) -> None:
        """Add, change and remove as the form says; keeps what happened where the admin's history looks for it."""
        self.new_objects: list[Any] = []
        self.changed_objects: list[Any] = []
        self.deleted_objects: list[Any] = []
        gone = self.deleted_forms
        for form in self.forms:
            if form not in gone and form.has_changed():
                self._write(form, acting_in)
        for form in gone:
            if form.instance.pk and not form.instance._state.adding:
                actor = acting_in(form.instance.organization_id)
                memberships.remove_membership(actor=actor, membership_id=form.instance.pk)
                self.deleted_objects.append(form.instance)

    def _write(self, form: Any, acting_in: ActorIn) -> None:
        if form.instance._state.adding:
            actor = acting_in(form.cleaned_data["tenant"].pk)
            self.new_objects.append(memberships.add_membership(actor=actor, user=self.instance, **form.place()))
        elif changes := form.changes():
            actor = acting_in(form.instance.organization_id)
            memberships.update_membership(actor=actor, membership_id=form.instance.pk, changes=changes)
            self.changed_objects.append((form.instance, form.changed_data))


class InvitationForm(PlaceForm):
    tenant = OrganizationField(Invitation)
    expires_in_days = forms.IntegerField(initial=DEFAULT_DAYS, min_value=1, max_value=MAX_DAYS, label="Expires in days")

    class Meta:
        model = Invitation
        fields = ("email", "role", "domain")

    def offer(self) -> dict[str, Any]:
        """What is offered to whom, as the service takes it."""
        days = self.cleaned_data["expires_in_days"]
        return {"email": self.cleaned_data["email"], "expires_in_days": days, **self.place()}
