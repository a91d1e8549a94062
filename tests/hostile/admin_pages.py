"""Hostile values in every field of every form of the admin, and in the queries and actions of its lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, partial
from typing import Any
from urllib.parse import unquote, urlencode

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from tests.admin.addresses import prefix_of
from tests.admin.canaries import registered_models
from tests.hostile.cases import Case, all_cases, cases_of
from tests.hostile.outcomes import Outcome, Probe, walk
from tests.hostile.requests import MALFORMED
from tests.hostile.world import World

UNKEPT = (forms.FileField, forms.BooleanField, forms.ModelChoiceField, forms.ModelMultipleChoiceField)
LIST_PARAMETERS = ("p", "o", "q", "e", "all", "_popup", "_to_field", "_changelist_filters", "_facets", "organization")

FORM = "application/x-www-form-urlencoded"

Form = dict[str, Any]
"""What a browser sends of a form, by the names of its inputs."""


def admin_outcomes(world: World, *, share: int = 1) -> Iterator[Outcome]:
    """Walk through all models of the admin; with a `share` of n, take every n-th input."""
    found = [probe for model in registered_models() for probe in _probes(world, model)]
    yield from walk(world, (probe for index, probe in enumerate(found) if index % share == 0))


def _probes(world: World, model: type[Model]) -> Iterator[Probe]:
    prefix = prefix_of(model)
    yield from _list_probes(world, model, reverse(f"admin:{prefix}changelist"))
    model_admin = admin.site.get_model_admin(model)
    row = _row_of(world, model)
    if row is not None:
        yield from _form_probes(world, model, reverse(f"admin:{prefix}change", args=[row.pk]))
    if model_admin.has_add_permission(_request(world)):
        yield from _form_probes(world, model, reverse(f"admin:{prefix}add"))
    for label, value in MALFORMED.items():
        address = reverse(f"admin:{prefix}changelist") + f"{value or 'x'}/change/"
        yield _get_probe(world, f"admin {prefix}change {{id}}", label, address, {200, 302, 400, 404})


def _request(world: World) -> Any:
    return world.browser.get(reverse("admin:index")).wsgi_request


def _row_of(world: World, model: type[Model]) -> Model | None:
    rows = model._base_manager.filter(pk__in=[pk for pk in world.names if pk])
    return rows.order_by("pk").first()


def _list_probes(world: World, model: type[Model], address: str) -> Iterator[Probe]:
    page = world.browser.get(address)
    filters = [each.parameter_name for each in _filters(page)]
    place = f"admin {prefix_of(model)}changelist"
    for name in (*LIST_PARAMETERS, *filters, "id__in", "organization__slug"):
        for label, value in MALFORMED.items():
            yield _get_probe(world, f"{place} ?{name}", label, f"{address}?{name}={value}", {200, 302, 400, 403})
    for case in cases_of("GET list"):
        if case.kind == "query":
            yield _get_probe(world, f"{place} ?", case.id, f"{address}?{case.payload}", {200, 302, 400, 403})
    for label, value in MALFORMED.items():
        for name in ("action", "_selected_action"):
            sent = {"action": "delete_selected", "_selected_action": "x", "index": "0", name: unquote(value)}
            yield Probe(
                f"{place} {name}",
                label,
                send=partial(world.browser.post, address, sent),
                judge=lambda response: (None, _unless(response, {200, 302, 400, 403})),
            )


def _filters(page: Any) -> list[Any]:
    found = page.context["cl"].filter_specs if page.status_code == 200 else []
    return [each for each in found if hasattr(each, "parameter_name")]


def _get_probe(world: World, place: str, label: str, address: str, statuses: set[int]) -> Probe:
    return Probe(
        place,
        label,
        send=lambda: world.browser.get(address),
        judge=lambda response: (None, _unless(response, statuses)),
    )


def _form_probes(world: World, model: type[Model], address: str) -> Iterator[Probe]:
    page = world.browser.get(address)
    if page.status_code != 200 or "adminform" not in (page.context or {}):
        return
    fields = dict(page.context["adminform"].form.fields)
    good = form_of(page)
    for name, field in fields.items():
        if isinstance(field, UNKEPT):
            continue
        for case in all_cases():
            if case.kind == "value" and case.id in readable():
                yield _form_probe(world, model, address, good, name, field, case)


@cache
def readable() -> frozenset[str]:
    """The cases that are JSON, whatever they hold: what is none cannot be typed."""
    return frozenset(case.id for case in all_cases() if case.kind == "value" and case.is_json)


def _form_probe(
    world: World, model: type[Model], address: str, good: Form, name: str, field: forms.Field, case: Case
) -> Probe:
    typed_into = f"{name}_0" if isinstance(field.widget, forms.MultiWidget) else name

    def send() -> Any:
        sent = urlencode({**good, typed_into: typed(field, case)}, doseq=True, errors="surrogatepass")
        return world.browser.post(address, sent, content_type=FORM)

    kind = "add" if address.endswith("/add/") else "change"
    return Probe(
        f"admin {prefix_of(model)}{kind} {name}",
        case.id,
        send=send,
        judge=lambda response: _judge(model, address, name, field, typed(field, case), response),
    )


def typed(field: forms.Field, case: Case) -> str:
    """What somebody types to bring the case into the field."""
    is_text = case.text.startswith('"') and not isinstance(field, forms.JSONField)
    return str(case.value) if is_text else case.text


def _judge(
    model: type[Model], address: str, name: str, field: forms.Field, text: str, response: Any
) -> tuple[Any, str]:
    if isinstance(field.widget, forms.MultiWidget) and response.status_code == 302:
        return None, "taken for a moment"
    if response.status_code == 200:
        errors = (response.context or {}).get("errors") or []
        return sorted(map(str, errors)), "" if errors else "shown again without an error"
    if response.status_code != 302:
        return None, _unless(response, {302, 400, 403})
    if name not in {each.name for each in model._meta.concrete_fields}:
        return None, ""
    row = _saved(model, address)
    stored = None if row is None else getattr(row, name)
    return str(stored), "" if _is_kept(field, text, stored) else f"altered: {str(stored)[:80]!r}"


def _saved(model: type[Model], address: str) -> Any:
    parts = address.rstrip("/").split("/")
    if parts[-1] == "add":
        return model._base_manager.order_by("pk").last()
    return model._base_manager.filter(pk=parts[-2]).first()


def _is_kept(field: forms.Field, text: str, stored: Any) -> bool:
    if isinstance(field, forms.JSONField):
        return bool(stored == (json.loads(text) if text.strip() else stored))
    if isinstance(stored, str) or stored is None:
        # A field of one line leaves out the blanks around it, as it says; nothing else may change.
        return (stored or "") in (text, text.strip()) or field.has_changed(stored, text) is False
    return field.has_changed(stored, text) is False


def form_of(page: Any) -> Form:
    """What a browser sends of the page's form when nothing was typed."""
    found: Form = {}
    bound = [page.context["adminform"].form]
    for each in page.context.get("inline_admin_formsets", []):
        bound += [each.formset.management_form, *each.formset.forms]
    for form in bound:
        for field in form:
            value = field.value()
            if isinstance(value, bool):
                found |= {field.html_name: "on"} if value else {}
            elif isinstance(field.field.widget, forms.MultiWidget):
                parts = field.field.widget.decompress(value) or []
                found |= {f"{field.html_name}_{index}": part or "" for index, part in enumerate(parts)}
            elif value is not None:
                found[field.html_name] = value
    return found


def _unless(response: Any, statuses: set[int]) -> str:
    return "" if response.status_code in statuses else f"answered with {response.status_code}"
