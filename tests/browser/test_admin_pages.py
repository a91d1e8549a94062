"""The admin as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from accounts.actors import SystemActor
from agents_app.services import create_agent
from conversations.models import Thread
from conversations.services import append_messages, create_thread
from tests.browser.conftest import Window

pytestmark = pytest.mark.browser


@pytest.fixture
def thread(author: SystemActor) -> Thread:
    """A question whose answer reasons and calls a tool, and two ways on from it."""
    agent = create_agent(actor=author, fields={"name": "Guide", "model": "m", "provider": "p"})
    made = create_thread(actor=author, fields={"title": "Zürich to Vienna", "agent_id": agent.pk})
    parts = [
        {"type": "reasoning", "text": "Look at the timetable first."},
        {"type": "tool_call", "name": "search_trains", "arguments": {"to": "Wien Hbf"}},
        {"type": "tool_result", "name": "search_trains", "output": {"trains": ["RJX 163"]}},
        {"type": "text", "text": "Take the **RJX 163**."},
    ]
    append_messages(
        actor=author,
        thread_id=made.pk,
        messages=[{"role": "user", "content": "Which train?"}, {"role": "assistant", "content": None, "parts": parts}],
    )
    answer = made.messages.get(position=2)
    for text in ("Book it.", "I will walk instead."):
        message = {"role": "user", "content": text, "parent_id": answer.pk}
        append_messages(actor=author, thread_id=made.pk, messages=[message])
    return made


def test_person_reads_a_conversation(window: Window, thread: Thread) -> None:
    page = window.open("/admin/")
    window.follow("#content-main >> text=Threads")
    window.follow("#result_list >> text=Zürich to Vienna")

    assert page.locator(".parley-role").all_inner_texts() == ["User", "Assistant", "User"]
    assert page.locator(".parley-prose strong").all_inner_texts() == ["RJX 163"]
    assert window.misdeeds == []


def test_person_unfolds_reasoning_and_a_tool_call(window: Window, thread: Thread) -> None:
    page = window.open(f"/admin/conversations/thread/{thread.pk}/change/")
    reasoning = page.locator(".parley-block-reasoning .parley-prose")
    arguments = page.locator(".parley-block-tool-call .parley-plain")
    folded = (reasoning.is_visible(), arguments.is_visible())

    page.click(".parley-block-reasoning > summary")
    page.focus(".parley-block-tool-call > summary")
    page.keyboard.press("Enter")

    assert folded == (False, False)
    assert reasoning.inner_text() == "Look at the timetable first."
    assert json.loads(arguments.inner_text()) == {"to": "Wien Hbf"}
    assert window.misdeeds == []


def test_person_switches_to_another_branch_and_back(window: Window, thread: Thread) -> None:
    page = window.open(f"/admin/conversations/thread/{thread.pk}/change/")
    before = Thread.objects.values().get(pk=thread.pk)
    last = page.locator(".parley-message").last

    shown = [last.locator(".parley-prose").inner_text()]
    for name in ("Previous branch", "Next branch"):
        window.follow(f"role=link[name='{name}']")
        shown.append(last.locator(".parley-prose").inner_text())

    assert shown == ["I will walk instead.", "Book it.", "I will walk instead."]
    assert Thread.objects.values().get(pk=thread.pk) == before
    assert window.misdeeds == []


def test_person_reads_all_branches(window: Window, thread: Thread) -> None:
    page = window.open(f"/admin/conversations/thread/{thread.pk}/change/")

    window.follow("text=All branches")

    assert page.locator(".parley-position").all_inner_texts() == ["#1", "#2", "#3", "#4"]
    assert window.misdeeds == []


def test_person_searches_and_filters(window: Window, thread: Thread, author: SystemActor) -> None:
    create_thread(actor=author, fields={"agent_type": "chat", "model": "other", "provider": "p", "title": "Another"})
    page = window.open("/admin/conversations/thread/")
    rows = page.locator("#result_list tbody .field-name")

    page.fill("#searchbar", "timetable")
    window.follow("#changelist-search input[type=submit]")
    by_unseen_word = rows.all_inner_texts()
    page.fill("#searchbar", "walk instead")
    window.follow("#searchbar", key="Enter")
    by_words = rows.all_inner_texts()
    page.goto(f"{window.server}/admin/conversations/thread/")
    page.fill("input[name=model]", "other")
    window.follow("input[name=model]", key="Enter")

    assert (by_unseen_word, by_words, rows.all_inner_texts()) == ([], ["Zürich to Vienna"], ["Another"])
    assert window.misdeeds == []


def test_person_changes_title_and_agent(window: Window, thread: Thread, author: SystemActor) -> None:
    pilot = create_agent(actor=author, fields={"name": "Pilot", "model": "m", "provider": "p"})
    page = window.open(f"/admin/conversations/thread/{thread.pk}/change/")

    page.fill("#id_title", "To Vienna on foot")
    page.click(".field-agent .select2-selection")
    page.click(".select2-results__option >> text=Pilot")
    window.follow("input[name=_continue]")

    changed = Thread.objects.get(pk=thread.pk)
    assert (changed.title, changed.agent_id) == ("To Vienna on foot", pilot.pk)
    assert page.locator(".messagelist li.success").count() == 1
    assert window.misdeeds == []


def test_person_exports_selected_threads(window: Window, thread: Thread, tmp_path: Path) -> None:
    page = window.open("/admin/conversations/thread/")

    page.check("#result_list input.action-select")
    page.select_option("select[name=action]", "export_as_jsonl")
    with page.expect_download() as download:
        page.click("button[name=index]")
    download.value.save_as(tmp_path / "threads.jsonl")

    exported = json.loads((tmp_path / "threads.jsonl").read_text(encoding="utf-8"))
    assert (exported["title"], len(exported["messages"])) == ("Zürich to Vienna", 4)
    assert window.misdeeds == []


def test_person_jumps_to_a_position(window: Window, author: SystemActor) -> None:
    made = create_thread(actor=author, fields={"agent_type": "chat", "model": "m", "provider": "p"})
    messages = [{"role": "user", "content": f"message {number}"} for number in range(1, 251)]
    append_messages(actor=author, thread_id=made.pk, messages=messages)
    page = window.open(f"/admin/conversations/thread/{made.pk}/change/")

    page.fill(".parley-jump input[name=page]", "120")
    window.follow(".parley-jump input[name=page]", key="Enter")
    after_jump = page.locator(".parley-message .parley-prose").first.inner_text()
    window.follow("text=Last » >> nth=0")

    assert after_jump == "message 120"
    assert page.locator(".parley-message .parley-prose").last.inner_text() == "message 250"
    assert window.misdeeds == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_transcript_fits_the_window(window: Window, thread: Thread, author: SystemActor, scheme: str) -> None:
    wide = f"{'x' * 3000}\n\n```\n{'y' * 3000}\n```\n\n|{'a|' * 80}\n|{'-|' * 80}"
    parts = [{"type": "tool_call", "name": "z" * 500, "arguments": "w" * 3000}, {"type": "code", "text": "v" * 3000}]
    for message in ({"role": "user", "content": wide}, {"role": "tool", "content": None, "parts": parts}):
        append_messages(actor=author, thread_id=thread.pk, messages=[message])
    window.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    page = window.open(f"/admin/conversations/thread/{thread.pk}/change/")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert window.misdeeds == []
