"""Hostile texts in a real browser: no script runs, and nothing is asked of another host."""

from __future__ import annotations

import pytest

from accounts.actors import SystemActor
from conversations.models import Feedback, Message, Thread
from tests.admin.hostile import hostile_thread
from tests.browser.conftest import Window

pytestmark = pytest.mark.browser

PAGES = [
    "/admin/",
    "/admin/conversations/thread/",
    "/admin/conversations/thread/{thread}/change/",
    "/admin/conversations/thread/{thread}/change/?branches=all",
    "/admin/conversations/thread/{thread}/history/",
    "/admin/conversations/message/",
    "/admin/conversations/message/{message}/change/",
    "/admin/conversations/feedback/",
    "/admin/conversations/feedback/{feedback}/change/",
    "/admin/agents_app/agent/",
    "/admin/agents_app/agent/{agent}/change/",
]


@pytest.fixture
def thread(author: SystemActor) -> Thread:
    return hostile_thread(author)


def test_hostile_texts_are_inert_on_every_page(window: Window, thread: Thread) -> None:
    message = Message.objects.filter(thread=thread).order_by("position")[0]
    ids = {"thread": thread.pk, "message": message.pk, "agent": thread.agent_id}
    ids["feedback"] = Feedback.objects.filter(message=message)[0].pk

    for path in PAGES:
        page = window.open(path.format(**ids))
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        page.mouse.move(700, 500)
        page.keyboard.press("Tab")
        page.wait_for_load_state("networkidle")
        assert window.misdeeds == [], path


def test_hostile_title_is_inert_in_forms_and_notices(window: Window, thread: Thread) -> None:
    page = window.open(f"/admin/conversations/thread/{thread.pk}/change/")

    page.fill("#id_title", '</textarea><script>alert(1)</script>"><img src=x onerror=alert(1)>')
    window.follow("input[name=_continue]")
    page.click(".field-agent .select2-selection")
    page.locator(".select2-results__option").first.wait_for()
    page.keyboard.press("Escape")
    page.goto(f"{window.server}/admin/conversations/thread/")
    page.check("#result_list input.action-select")
    page.select_option("select[name=action]", "move_to_trash")
    window.follow("button[name=index]")

    assert page.locator(".messagelist li").all_inner_texts() == ["1 thread moved to the trash."]
    assert window.misdeeds == []


def test_browser_would_tell_of_a_script_that_runs(window: Window) -> None:
    """The tests above look at something: what they watch for does happen where it is let."""
    page = window.open("/admin/")

    page.evaluate("alert('run')")
    page.evaluate("fetch('http://127.0.0.1:9/leak').catch(() => null)")

    assert window.dialogs == ["run"]
    assert len(window.complaints) > 0
