"""A platform administrator reveals a conversation."""

from __future__ import annotations

import pytest

from accounts.actors import SystemActor
from conversations.models import Thread
from conversations.services import append_messages, create_thread
from ledger.models import AuditEntry
from tests.browser.conftest import Window

pytestmark = pytest.mark.browser


@pytest.fixture
def thread(author: SystemActor) -> Thread:
    fields = {"title": "Zürich to Vienna", "agent_type": "chat", "model": "m", "provider": "p"}
    made = create_thread(actor=author, fields=fields)
    messages = [{"role": "user", "content": "Which train?"}, {"role": "assistant", "content": "Take the RJX 163."}]
    append_messages(actor=author, thread_id=made.pk, messages=messages)
    return made


def test_platform_administrator_reveals_a_conversation(office: Window, thread: Thread) -> None:
    page = office.open("/admin/conversations/thread/")
    listed = page.locator("#result_list .field-name").all_inner_texts()
    office.follow("#result_list .field-name a")
    hidden = page.locator(".parley-prose").count()

    page.click(".parley-reveal button")
    unsent = page.url
    page.fill("#id_reason", "Support case 4711")
    office.follow(".parley-reveal button")

    assert (listed, hidden) == ([f"Thread {str(thread.pk)[:13]}…"], 0)
    assert unsent == page.url
    assert page.locator(".parley-prose").all_inner_texts() == ["Which train?", "Take the RJX 163."]
    assert page.locator("#id_title").input_value() == "Zürich to Vienna"
    assert page.locator(".parley-revealed").inner_text().startswith("You read this because you revealed it")
    assert AuditEntry.objects.get(action="content.revealed").reason == "Support case 4711"
    assert office.misdeeds == []


def test_reveal_is_of_one_window_and_not_of_another(office: Window, window: Window, thread: Thread) -> None:
    place = f"/admin/conversations/thread/{thread.pk}/change/"

    member, administrator = window.open(place), office.open(place)

    assert (member.locator(".parley-prose").count(), administrator.locator(".parley-prose").count()) == (2, 0)
    assert (member.locator(".parley-reveal").count(), administrator.locator(".parley-reveal").count()) == (0, 1)
