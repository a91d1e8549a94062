"""Platform administrators reveal what was said in a thread, for a reason and for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actors import MemberActor, SystemActor
from accounts.models import Organization, User
from conversations.admin.content import SESSION_KEY
from conversations.models import Thread
from conversations.services import InvalidReason, RevealRefused, reveal_content
from core.errors import NotFound
from ledger.models import AuditEntry
from tests.admin.canaries import CANARY, body
from tests.admin.conftest import THREADS, notices, staff, thread_page
from tests.admin.hidden import EVERYWHERE, REASON, entries, pages_of, reveal, secret, secret_thread, telling
from tests.admin.markup import Page
from tests.conftest import make_member

__all__ = ["secret"]


MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_platform_administrator_reads_nothing_before_the_reveal(office: Client, secret: Thread, alice: User) -> None:
    assert telling(staff(alice), secret) == EVERYWHERE
    assert telling(office, secret) == set()
    assert CANARY not in body(office.get(reverse("admin:conversations_thread_history", args=[secret.pk])))
    assert CANARY not in body(office.get(reverse("admin:index")))


def test_reveal_shows_one_thread_on_its_pages_and_no_other(office: Client, secret: Thread, actor: SystemActor) -> None:
    other = secret_thread(actor, "linnet")

    response = reveal(office, secret)

    assert response.redirect_chain == [(thread_page(secret), 302)]
    assert telling(office, secret) == EVERYWHERE
    assert telling(office, other, "linnet") == set()


def test_reveal_is_in_the_audit_trail_with_its_reason(office: Client, secret: Thread) -> None:
    reveal(office, secret, "  Support case 4711\n")

    assert entries() == [("content.revealed", "operator", secret.pk, "", REASON)]
    entry = AuditEntry.objects.get(action="content.revealed")
    assert (entry.organization_id, entry.subject_type, entry.before, entry.after) == (
        secret.organization_id,
        "thread",
        None,
        None,
    )


def test_reveal_of_what_is_shown_already_is_not_recorded_again(office: Client, secret: Thread) -> None:
    for _ in range(2):
        reveal(office, secret)

    assert len(entries()) == 1


def test_reveal_says_how_long_it_lasts(office: Client, secret: Thread) -> None:
    reveal(office, secret)

    told = {name: Page(office.get(address)).texts("parley-revealed") for name, address in pages_of(secret).items()}

    until = datetime.fromisoformat(office.session[SESSION_KEY][str(secret.pk)])
    end = f"Hidden again in 30 minutes, at {until:%H:%M} UTC."
    on_page = [f"You read this because you revealed it; your reason is in the audit trail. {end}"]
    on_list = [f"One conversation is shown here because you revealed it. {end}"]
    assert told == {name: on_list if name.endswith("list") else on_page for name in EVERYWHERE}
    assert timedelta(minutes=29) < until - timezone.now() <= timedelta(minutes=30)


def test_reveal_ends_by_itself(office: Client, secret: Thread) -> None:
    reveal(office, secret)
    session = office.session
    session[SESSION_KEY] = {str(secret.pk): timezone.now().isoformat()}
    session.save()

    assert telling(office, secret) == set()


def test_reveal_holds_in_one_session_only(office: Client, operator: User, secret: Thread) -> None:
    reveal(office, secret)
    elsewhere = Client()
    elsewhere.force_login(operator)

    assert telling(elsewhere, secret) == set()
    office.logout()
    office.force_login(operator)
    assert telling(office, secret) == set()


def test_reveal_ends_when_the_organization_closes_its_conversations(office: Client, secret: Thread) -> None:
    reveal(office, secret)

    Organization.objects.update(content_access=Organization.ContentAccess.CLOSED)

    assert telling(office, secret) == set()


def test_reveal_ends_with_the_office(office: Client, operator: User, secret: Thread) -> None:
    reveal(office, secret)

    User.objects.filter(pk=operator.pk).update(is_superuser=False)

    assert office.get(thread_page(secret)).status_code == 403
    assert office.get(reverse(THREADS)).status_code == 403


def test_closed_organization_reveals_nothing_and_the_attempt_is_recorded(office: Client, secret: Thread) -> None:
    Organization.objects.update(content_access=Organization.ContentAccess.CLOSED)

    page = Page(office.get(thread_page(secret)))
    response = reveal(office, secret)

    assert page.of_class("parley-reveal") == []
    assert notices(response) == ["Nothing was revealed. The organization keeps its conversations closed."]
    assert telling(office, secret) == set()
    assert entries() == [("content.reveal_refused", "operator", secret.pk, "", "")]


def test_open_organization_shows_what_was_said(office: Client, secret: Thread) -> None:
    Organization.objects.update(content_access=Organization.ContentAccess.OPEN)

    assert telling(office, secret) == EVERYWHERE
    assert [Page(office.get(each)).of_class("parley-revealed") for each in pages_of(secret).values()] == [[]] * 7
    assert entries() == []


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", "This field is required."),
        (" 1234 ", "Ensure this value has at least 5 characters (it has 4)."),
        ("x" * 501, "Ensure this value has at most 500 characters (it has 501)."),
        ("a\x00bcdef", None),
    ],
)
def test_reveal_needs_a_reason(office: Client, secret: Thread, reason: str, told: str | None) -> None:
    response = reveal(office, secret, reason)

    assert told is None or notices(response) == [f"Nothing was revealed. The reason: {told}"]
    assert telling(office, secret) == set()
    assert entries() == []


def test_reveal_needs_the_token_of_the_form(operator: User, secret: Thread) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    address = reverse("admin:conversations_thread_reveal", args=[secret.pk])

    refused = strict.post(address, {"reason": REASON})
    before = telling(strict, secret)
    token = Page(strict.get(thread_page(secret)))
    value = next(
        each.attributes["value"] for each in token.elements if each.attributes.get("name") == "csrfmiddlewaretoken"
    )
    strict.post(address, {"reason": REASON, "csrfmiddlewaretoken": value})

    assert (refused.status_code, before) == (403, set())
    assert telling(strict, secret) == EVERYWHERE


def test_reveal_is_not_done_by_following_a_link(office: Client, secret: Thread) -> None:
    response = office.get(reverse("admin:conversations_thread_reveal", args=[secret.pk]), {"reason": REASON})

    assert (response.status_code, response["Location"]) == (302, thread_page(secret))
    assert (telling(office, secret), entries()) == (set(), [])


def test_reveal_is_not_for_staff(organization: Organization, secret: Thread) -> None:
    clerk = make_member("clerk", organization, role="viewer")
    role = clerk.memberships.get().role
    role.permissions = ["thread.read"]
    role.save()
    client = staff(clerk)

    shown = client.get(thread_page(secret))
    refused = client.post(reverse("admin:conversations_thread_reveal", args=[secret.pk]), {"reason": REASON})

    assert (shown.status_code, refused.status_code) == (200, 403)
    assert CANARY not in body(shown)
    assert Page(shown).texts("parley-veil") == [
        "What was said here is hidden Your role in Acme does not let you read messages."
    ]
    assert entries() == []


def test_reveal_of_a_thread_that_is_not_there_leads_home(office: Client) -> None:
    address = reverse("admin:conversations_thread_reveal", args=["01900000-0000-7000-8000-000000000000"])

    assert [office.get(address)["Location"], office.post(address)["Location"]] == [reverse("admin:index")] * 2


def test_reveal_content_returns_when_it_ends(actor: SystemActor, operator: User, secret: Thread) -> None:
    person = MemberActor(secret.organization_id, operator.pk, "operator", is_platform_administrator=True)

    assert reveal_content(actor=person, thread_id=secret.pk, reason=REASON, now=MOMENT) == MOMENT + timedelta(
        minutes=30
    )
    assert AuditEntry.objects.get(action="content.revealed").created_at == MOMENT


def test_reveal_content_refuses_members_strangers_and_bad_reasons(
    operator: User, alice: User, secret: Thread, other_organization: Organization
) -> None:
    member = MemberActor(secret.organization_id, alice.pk, "alice")
    here = MemberActor(secret.organization_id, operator.pk, "operator", is_platform_administrator=True)
    elsewhere = MemberActor(other_organization.pk, operator.pk, "operator", is_platform_administrator=True)

    for person, reason, error in [
        (member, REASON, RevealRefused),
        (elsewhere, REASON, NotFound),
        (here, "four", InvalidReason),
        (here, "x" * 501, InvalidReason),
        (here, "\ud800 reason", InvalidReason),
    ]:
        with pytest.raises(error):
            reveal_content(actor=person, thread_id=secret.pk, reason=reason)
    assert entries() == []
