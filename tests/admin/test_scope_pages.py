"""Every page of the admin, as the resolver and the registry know it: staff see nothing of another organization.

A new page or a new registered model joins by itself.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.models import Organization, User
from core.ids import uuid7
from tests.admin.addresses import model_of, pages, places, unnamed_routes
from tests.admin.canaries import CANARY, Aviary, body, is_personal, registered_models
from tests.admin.conftest import staff

OWN = "homely"
TOKENS = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"')


@pytest.fixture
def rival(db: None) -> Organization:
    return Organization.objects.create(slug=f"{CANARY}-slug", name=f"{CANARY} name")


@pytest.fixture
def foreign(rival: Organization) -> Aviary:
    """A row of every registered model in the rival organization."""
    return aviary(rival, CANARY)


@pytest.fixture
def own(organization: Organization) -> Aviary:
    return aviary(organization, OWN)


def aviary(organization: Organization, word: str) -> Aviary:
    made = Aviary(organization, word)
    for model in registered_models():
        made.row(model)
    return made


@pytest.fixture
def clerk(alice: User) -> Client:
    """A browser of the owner of acme, who is staff."""
    return staff(alice)


def masked(response: Any, *ids: str) -> tuple[int, str]:
    text = TOKENS.sub("", body(response))
    for each in ids:
        text = text.replace(each, "ID")
    return response.status_code, text


def answer(client: Client, address: str, pk: Any, **data: Any) -> list[tuple[int, str]]:
    """The answers to reading and to sending, and the page that each leads to."""
    given = [client.get(address), client.post(address, data)]
    led = [client.get(each["Location"]) for each in given if each.status_code == 302]
    return [masked(each, str(pk), str(pk).replace("-", "_2D")) for each in (*given, *led)]


def test_no_page_stays_out_for_want_of_a_name() -> None:
    """Two routes have none: an old form of addresses, which leads to the page of a row, and what is no page at all."""
    assert unnamed_routes() == {"<path:object_id>/", "(?P<url>.*)$"}


def test_there_is_something_to_leak_on_every_list(rival: Organization, foreign: Aviary) -> None:
    """A platform administrator who is a member of the rival finds the canary in each list: it is there to be seen."""
    Organization.objects.filter(pk=rival.pk).update(content_access=Organization.ContentAccess.OPEN)
    root = Client()
    root.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    silent = []
    for model in registered_models():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        list_page, row_page = reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[foreign.row(model).pk])
        if CANARY not in body(root.get(list_page)) + body(root.get(row_page)):
            silent.append(name)

    assert silent == []


def test_staff_find_nothing_of_another_organization_on_any_page(clerk: Client, own: Aviary, foreign: Aviary) -> None:
    leaks = [address for address in pages(foreign) if CANARY in shown(clerk, address, foreign)]

    assert leaks == []


def shown(client: Client, address: str, rows: Aviary) -> str:
    """What a page says besides repeating what its address says."""
    response = client.get(address)
    text = body(response) if response.status_code != 302 else body(client.get(response["Location"]))
    return re.sub(rf"(?:q=|q%3D|value=\")(?:{CANARY}\b)|{CANARY}-slug", "", text)


def test_staff_see_their_own_rows_on_the_lists(clerk: Client, own: Aviary, foreign: Aviary) -> None:
    silent = [
        model.__name__
        for model in registered_models()
        if not is_personal(model)
        and (response := clerk.get(list_of(model))).status_code == 200
        and str(own.row(model).pk) not in body(response)
    ]

    assert silent == []
    assert len([model for model in registered_models() if clerk.get(list_of(model)).status_code == 200]) >= 4


def list_of(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_page_of_a_foreign_row_answers_as_that_of_an_unknown_one(clerk: Client, own: Aviary, foreign: Aviary) -> None:
    differing = []
    for name, arguments in places():
        model = model_of(name)
        if model is None or len(arguments) != 1:
            continue
        known, unknown = foreign.row(model).pk, uuid7()
        answers = [answer(clerk, reverse(f"admin:{name}", args=[each]), each) for each in (known, unknown)]
        if answers[0] != answers[1]:
            differing.append((name, [[code for code, _text in each] for each in answers]))

    assert differing == []


def test_foreign_organization_in_an_address_answers_as_an_unknown_one(
    clerk: Client, own: Aviary, foreign: Aviary
) -> None:
    differing = []
    for model in registered_models():
        given = [
            clerk.get(list_of(model), {"organization": slug}) for slug in (foreign.organization.slug, "nobody-slug")
        ]
        known, unknown = (masked(each, "nobody-slug", foreign.organization.slug) for each in given)
        if known != unknown:
            differing.append(model.__name__)

    assert differing == []


def test_link_to_the_site_tells_nothing_of_foreign_rows(clerk: Client, foreign: Aviary) -> None:
    differing = []
    for model in registered_models():
        kind = ContentType.objects.get_for_model(model).pk
        known, unknown = foreign.row(model).pk, uuid7()
        given = [clerk.get(reverse("admin:view_on_site", args=[kind, each])) for each in (known, unknown)]
        if masked(given[0], str(known)) != masked(given[1], str(unknown)):
            differing.append(model.__name__)

    assert differing == []


def test_choices_offer_nothing_of_another_organization(clerk: Client, own: Aviary, foreign: Aviary) -> None:
    leaks = []
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if not (field.many_to_one or field.many_to_many) or field.auto_created:
                continue
            name = str(model._meta.model_name)
            query = {"app_label": model._meta.app_label, "model_name": name, "field_name": field.name}
            for more in ({}, {"term": CANARY}, {"organization_id": str(foreign.organization.pk)}):
                response = clerk.get(reverse("admin:autocomplete"), query | more)
                if response.status_code == 200 and CANARY in body(response):
                    leaks.append((model.__name__, field.name, more))

    assert leaks == []


def test_actions_leave_foreign_rows_alone(clerk: Client, own: Aviary, foreign: Aviary) -> None:
    done = []
    for model in registered_models():
        page = clerk.get(list_of(model))
        form = page.context["action_form"] if page.status_code == 200 else None
        names = [name for name, _label in form.fields["action"].choices if name] if form else []
        before = row_values(model, foreign.row(model).pk)
        for name in names:
            sent = {
                "action": name,
                "index": "0",
                "_selected_action": [str(foreign.row(model).pk)],
                "select_across": "1",
            }
            said = body(clerk.post(f"{list_of(model)}?state=with&trash=with", sent, follow=True))
            done += [(model.__name__, name)]
            assert CANARY not in said, (model, name)
        assert row_values(model, foreign.row(model).pk) == before

    assert ("Thread", "move_to_trash") in done
    assert ("Thread", "export_as_csv") in done


def row_values(model: type[Model], pk: UUID) -> dict[str, Any]:
    return dict(model._base_manager.values().get(pk=pk))


def test_every_page_asks_for_a_log_in(db: None, foreign: Aviary) -> None:
    stranger = Client()
    entrances = (reverse("admin:login"), reverse("admin:logout"), reverse("admin:jsi18n"))
    closed = {address: stranger.get(address) for address in pages(foreign) if address not in entrances}

    led = {address: each.headers.get("Location", "").partition("?")[0] for address, each in closed.items()}
    assert led == dict.fromkeys(led, reverse("admin:login"))
    assert len(led) > 30


def test_platform_has_no_pages_of_unused_models(db: None) -> None:
    with pytest.raises(NoReverseMatch):
        reverse("admin:auth_group_changelist")
