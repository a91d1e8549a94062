"""`import_conversations`: from a file to rows, each conversation once."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Organization
from conversations.models import Message, Thread
from conversations.services import trash_thread
from tests.client import ApiClient
from tests.transfer.test_formats_shared_data import COUNTS, SHARED_DATA

Json = dict[str, Any]


def node(name: str, parent: str | None, children: list[str], role: str = "user", text: str | None = None) -> Json:
    message = {
        "id": name,
        "author": {"role": role},
        "create_time": 1_704_067_200.25,
        "content": {"content_type": "text", "parts": [text or f"text of {name}"]},
        "metadata": {},
    }
    return {"id": name, "parent": parent, "children": children, "message": message}


def conversation(name: str = "c1", **members: Any) -> Json:
    """A question, two answers to it, and a follow-up to the first answer, which the source shows."""
    nodes = [
        {"id": "root", "parent": None, "children": ["q"], "message": None},
        node("q", "root", ["a1", "a2"]),
        node("a1", "q", ["f"], "assistant"),
        node("f", "a1", []),
        node("a2", "q", [], "assistant"),
    ]
    mapping = {each["id"]: each for each in nodes}
    return {"id": name, "title": f"Title of {name}", "current_node": "f", "mapping": mapping, **members}


@pytest.fixture
def export(tmp_path: Path) -> Callable[[list[Json]], Path]:
    def write(conversations: list[Json]) -> Path:
        path = tmp_path / "conversations.json"
        path.write_text(json.dumps(conversations), encoding="utf-8")
        return path

    return write


def run(*arguments: Any, **options: Any) -> str:
    out = StringIO()
    call_command("import_conversations", *arguments, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def stored() -> list[tuple[str | None, int, int | None]]:
    return list(
        Message.objects.order_by("thread__external_id", "position").values_list(
            "external_id", "position", "parent_position"
        )
    )


def test_import_keeps_tree_and_shown_branch(
    organization: Organization, export: Callable[[list[Json]], Path], api: ApiClient
) -> None:
    run(export([conversation()]))

    thread = Thread.objects.get()
    assert stored() == [("q", 1, None), ("a1", 2, None), ("f", 3, None), ("a2", 4, 1)]
    assert (thread.external_id, thread.title, thread.message_count) == ("chatgpt:c1", "Title of c1", 4)
    shown = api.get(f"/api/threads/{thread.pk}/messages").json()["results"]
    assert [row["external_id"] for row in shown] == ["q", "a1", "f"]
    whole = api.get(f"/api/threads/{thread.pk}/messages?branches=all").json()["results"]
    assert [row["parent_id"] for row in whole] == [None, whole[0]["id"], whole[1]["id"], whole[0]["id"]]
    assert {row["created_at"] for row in whole} == {"2024-01-01T00:00:00.250000Z"}


def test_import_into_continued_thread_answers_shown_branch(
    organization: Organization, export: Callable[[list[Json]], Path], api: ApiClient
) -> None:
    run(export([conversation()]))
    thread = Thread.objects.get()

    api.post(f"/api/threads/{thread.pk}/messages", {"role": "user", "content": "and on"})

    shown = api.get(f"/api/threads/{thread.pk}/messages").json()["results"]
    assert [row["position"] for row in shown] == [1, 2, 3, 5]


def test_second_import_changes_nothing(organization: Organization, export: Callable[[list[Json]], Path]) -> None:
    path = export([conversation("c1"), conversation("c2")])
    run(path)
    before = list(Thread.objects.order_by("id").values()), list(Message.objects.order_by("id").values())

    output = run(path)

    assert "0 imported, 0 updated, 2 unchanged, 0 refused; 0 messages written." in output
    assert (list(Thread.objects.order_by("id").values()), list(Message.objects.order_by("id").values())) == before


def test_imported_text_is_found(
    organization: Organization, export: Callable[[list[Json]], Path], api: ApiClient
) -> None:
    run(export([conversation()]))

    assert len(api.get("/api/threads?q=text%20of%20a2").json()["results"]) == 1
    assert len(api.get("/api/messages?q=text%20of%20a2").json()["results"]) == 1


def test_grown_conversation_is_continued(organization: Organization, export: Callable[[list[Json]], Path]) -> None:
    run(export([conversation()]))
    grown = conversation(current_node="g")
    grown["mapping"]["f"]["children"] = ["g"]
    grown["mapping"]["g"] = node("g", "f", [], "assistant")

    output = run(export([grown]))

    assert "0 imported, 1 updated, 0 unchanged, 0 refused; 1 messages written." in output
    assert stored()[-1] == ("g", 5, 3)
    thread = Thread.objects.get()
    assert (thread.last_position, thread.message_count, thread.path) == (5, 5, [(1, 3), (5, None)])


def test_contradicting_conversation_is_refused_and_changes_nothing(
    organization: Organization, export: Callable[[list[Json]], Path]
) -> None:
    run(export([conversation()]))
    before = list(Message.objects.order_by("id").values())
    changed = conversation()
    changed["mapping"]["a1"] = node("a1", "q", ["f"], "assistant", text="something else")

    with pytest.raises(CommandError):
        run(export([changed]))

    assert list(Message.objects.order_by("id").values()) == before


def test_broken_conversation_among_good_ones_is_refused_alone(
    organization: Organization, export: Callable[[list[Json]], Path], tmp_path: Path
) -> None:
    broken = conversation("broken", mapping={"q": node("q", "q", ["q"])})
    report = tmp_path / "report.jsonl"

    with pytest.raises(CommandError, match=r"conversations\.json"):
        run(export([conversation("c1"), broken, conversation("c2")]), report=report)

    names = Thread.objects.order_by("external_id").values_list("external_id", flat=True)
    assert list(names) == ["chatgpt:c1", "chatgpt:c2"]
    outcomes = [json.loads(line) for line in report.read_text().splitlines()]
    assert [outcome["verdict"] for outcome in outcomes] == ["imported", "refused", "imported"]
    assert outcomes[1]["reason"] != ""


def test_dry_run_tells_the_same_and_writes_nothing(
    organization: Organization, export: Callable[[list[Json]], Path]
) -> None:
    path = export([conversation("c1"), conversation("c1"), conversation("c2")])

    rehearsed = run(path, dry_run=True)

    assert (Thread.objects.count(), Message.objects.count()) == (0, 0)
    assert run(path) == rehearsed.replace(" (dry run, nothing was written)", "")


def test_trashed_conversation_is_not_imported_again(
    organization: Organization, export: Callable[[list[Json]], Path], actor: Any
) -> None:
    path = export([conversation()])
    run(path)
    trash_thread(actor=actor, thread_id=Thread.objects.get().pk)

    with pytest.raises(CommandError):
        run(path)

    assert Thread.objects.active().count() == 0


def test_text_no_database_can_hold_is_refused_or_replaced(
    organization: Organization, export: Callable[[list[Json]], Path]
) -> None:
    spoiled = conversation()
    spoiled["mapping"]["q"] = node("q", "root", ["a1", "a2"], text="a\x00b")
    path = export([spoiled])

    with pytest.raises(CommandError):
        run(path)
    assert Thread.objects.count() == 0

    run(path, invalid_text="replace")
    assert Message.objects.get(external_id="q").content == "a\ufffdb"
    assert Thread.objects.get().metadata["import"]["replaced_characters"] == 1


@pytest.mark.parametrize("content", ["", "[]", "{", '{"neither": "format"}', "PK\x03\x04"])
def test_file_without_conversations_is_no_success(organization: Organization, tmp_path: Path, content: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(CommandError, match=r"file\.json"):
        run(path)


def test_missing_file_does_not_stop_the_others(
    organization: Organization, export: Callable[[list[Json]], Path], tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match=r"absent\.json"):
        run(tmp_path / "absent.json", export([conversation()]))

    assert Thread.objects.count() == 1


def test_organization_must_be_named_when_there_are_several(
    organization: Organization, other_organization: Organization, export: Callable[[list[Json]], Path]
) -> None:
    path = export([conversation()])

    with pytest.raises(CommandError, match="--organization"):
        run(path)
    run(path, organization="rival")
    run(path, organization="acme")

    owners = Thread.objects.order_by("organization__slug").values_list("organization__slug", flat=True)
    assert list(owners) == ["acme", "rival"]


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the folder of real conversations is not here")
def test_real_exports_import_whole_and_once(organization: Organization) -> None:
    paths = [SHARED_DATA / name for name in COUNTS]

    first = run(*paths, verbosity=0)
    rows = Message.objects.count()
    second = run(*paths, verbosity=0)

    expected = [
        (f"{Path(name).name}: {threads} imported, 0 updated, 0 unchanged, 0 refused; {messages} messages written.")
        for name, (_format, threads, messages) in COUNTS.items()
    ]
    assert first.splitlines() == expected
    assert [line.partition(": ")[2] for line in second.splitlines()] == [
        f"0 imported, 0 updated, {threads} unchanged, 0 refused; 0 messages written."
        for _format, threads, _messages in COUNTS.values()
    ]
    assert Message.objects.count() == rows == sum(messages for _format, _threads, messages in COUNTS.values())
