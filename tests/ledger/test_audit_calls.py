"""What services write into the audit trail, and what they do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actors import MemberActor, SystemActor
from accounts.models import Organization, User
from agents_app.services import AgentConflict, create_agent, restore_agent, trash_agent, update_agent
from conversations.models import Message, Thread
from conversations.services import (
    append_messages,
    create_feedback,
    purge_threads,
    purge_trash,
    restore_feedback,
    restore_message,
    restore_thread,
    trash_feedback,
    trash_message,
    trash_thread,
    update_thread,
)
from core.errors import NotFound, VersionMismatch
from core.preconditions import Precondition
from ledger.models import AuditEntry
from ledger.services.verifying import verify_chain
from tests.conftest import join

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(3000, 1, 1, tzinfo=UTC)


def entries(organization_id: Any, prefix: str) -> list[dict[str, Any]]:
    """What the trail says about acts whose name starts so, oldest first; the chain must be whole."""
    assert list(verify_chain(organization_id)) == []
    found = AuditEntry.objects.filter(organization_id=organization_id, action__startswith=prefix)
    names = ("action", "subject_type", "subject_id", "subject_label", "before", "after")
    return list(found.order_by("sequence").values(*names))


@pytest.fixture
def alice_actor(organization: Organization, alice: User) -> MemberActor:
    return MemberActor(organization.pk, alice.pk, "alice")


def test_life_of_an_agent_is_written(alice_actor: MemberActor) -> None:
    agent = create_agent(actor=alice_actor, fields={"name": "Ada", "parameters": {"temperature": 0.5}}, now=MOMENT)
    changes = {"name": "Eva", "model": "m", "provider": "", "parameters": {"temperature": 1}}
    update_agent(actor=alice_actor, agent_id=agent.pk, changes=changes)
    trash_agent(actor=alice_actor, agent_id=agent.pk)
    restore_agent(actor=alice_actor, agent_id=agent.pk)

    common = {"subject_type": "agent", "subject_id": agent.pk}
    made = {"domain_id": None, "name": "Ada", "parameters": {"temperature": 0.5}, "slug": "ada"}
    before = {"name": "Ada", "model": "", "parameters": {"temperature": 0.5}}
    after = {"name": "Eva", "model": "m", "parameters": {"temperature": 1}}
    assert entries(alice_actor.organization_id, "agent.") == [
        {**common, "action": "agent.created", "subject_label": "Ada", "before": None, "after": made},
        {**common, "action": "agent.updated", "subject_label": "Eva", "before": before, "after": after},
        {**common, "action": "agent.deleted", "subject_label": "Eva", "before": None, "after": None},
        {**common, "action": "agent.restored", "subject_label": "Eva", "before": None, "after": None},
    ]
    written = AuditEntry.objects.filter(action__startswith="agent.").order_by("sequence")
    assert written[0].created_at == MOMENT
    assert {(entry.actor_kind, entry.actor_id, entry.actor_label) for entry in written} == {
        ("user", alice_actor.user_id, "alice")
    }


def test_change_of_an_agent_that_is_refused_is_not_written(actor: SystemActor) -> None:
    agent = create_agent(actor=actor, fields={"name": "Ada"})
    create_agent(actor=actor, fields={"name": "Eva"})
    before = entries(actor.organization_id, "agent.")

    with pytest.raises(AgentConflict):
        update_agent(actor=actor, agent_id=agent.pk, changes={"slug": "eva"})
    with pytest.raises(AgentConflict):
        create_agent(actor=actor, fields={"name": "Ada", "slug": "ada"})
    with pytest.raises(VersionMismatch):
        trash_agent(actor=actor, agent_id=agent.pk, precondition=Precondition(frozenset({'"v9"'})))
    with pytest.raises(NotFound):
        restore_agent(actor=actor, agent_id=agent.pk)

    assert entries(actor.organization_id, "agent.") == before


def test_deleting_and_restoring_is_written_without_what_people_said(actor: SystemActor, thread: Thread) -> None:
    secret = [{"role": "user", "content": "in confidence"}]
    [message] = append_messages(actor=actor, thread_id=thread.pk, messages=secret)
    feedback = create_feedback(actor=actor, message_id=message.pk, fields={"rating": 1, "comment": "in confidence"})

    trash_feedback(actor=actor, feedback_id=feedback.pk)
    restore_feedback(actor=actor, feedback_id=feedback.pk)
    trash_message(actor=actor, message_id=message.pk)
    restore_message(actor=actor, message_id=message.pk)
    trash_thread(actor=actor, thread_id=thread.pk)
    restore_thread(actor=actor, thread_id=thread.pk)

    rest = {"subject_label": "", "before": None, "after": None}
    for row, name in ((feedback, "feedback"), (message, "message"), (thread, "thread")):
        assert entries(actor.organization_id, f"{name}.") == [
            {"action": f"{name}.{verb}", "subject_type": name, "subject_id": row.pk, **rest}
            for verb in ("deleted", "restored")
        ]
    texts = [str(entry) for entry in AuditEntry.objects.values()]
    assert [text for text in texts if "in confidence" in text or "A thread" in text] == []


def test_talking_is_not_written(actor: SystemActor, make_thread: Callable[..., Thread]) -> None:
    before = AuditEntry.objects.count()

    with CaptureQueriesContext(connection) as captured:
        thread = make_thread(title="A thread")
        append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": "one"}])
        update_thread(actor=actor, thread_id=thread.pk, changes={"title": "Another"})

    assert AuditEntry.objects.count() == before
    assert [query["sql"] for query in captured.captured_queries if "ledger_audit" in query["sql"]] == []


def test_purging_the_trash_is_one_entry_with_counts(actor: SystemActor, make_thread: Callable[..., Thread]) -> None:
    threads = [make_thread(title=f"thread {number}") for number in range(3)]
    for thread in threads[:2]:
        append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": "one"}] * 2)
        trash_thread(actor=actor, thread_id=thread.pk)

    erased = purge_trash(organization_id=actor.organization_id, trashed_before=LATER)
    purge_trash(organization_id=actor.organization_id, trashed_before=LATER)

    assert erased == {"conversations.Message": 4, "conversations.Thread": 2}
    [entry] = entries(actor.organization_id, "trash.")
    assert (entry["action"], entry["after"]) == ("trash.purged", {"erased": dict(erased)})


def test_purge_that_is_interrupted_tells_what_it_erased(
    actor: SystemActor, make_thread: Callable[..., Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        trash_thread(actor=actor, thread_id=make_thread().pk)

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("conversations.services.purging._blank_messages", fail)
    with pytest.raises(KeyboardInterrupt):
        purge_trash(organization_id=actor.organization_id, trashed_before=LATER)

    [entry] = entries(actor.organization_id, "trash.")
    assert entry["after"] == {"erased": {"conversations.Thread": 2}}


def test_purging_threads_is_one_entry_with_counts(actor: SystemActor, make_thread: Callable[..., Thread]) -> None:
    ids = [make_thread().pk for _ in range(2)]

    purge_threads(organization_id=actor.organization_id, thread_ids=ids)

    [entry] = entries(actor.organization_id, "thread.purged")
    assert entry["after"] == {"erased": {"conversations.Thread": 2}}


def write_file(path: Path, contents: list[str]) -> None:
    messages = [{"role": "user", "content": text} for text in contents]
    path.write_text(json.dumps({"messages": messages}) + "\n")


def test_import_is_one_entry_a_file_with_counts(organization: Organization, tmp_path: Path) -> None:
    path = tmp_path / "talks.jsonl"
    write_file(path, ["in confidence", "two"])

    for dry_run in (True, False, False):
        call_command("import_conversations", path, dry_run=dry_run, verbosity=0)

    assert Message.objects.count() == 2
    counts = {"imported": 1, "updated": 0, "unchanged": 0, "refused": 0}
    [entry] = entries(organization.pk, "threads.")
    assert (entry["action"], entry["after"]) == (
        "threads.imported",
        {"file": "talks.jsonl", "threads": counts, "messages": 2},
    )


def test_export_in_the_admin_is_one_entry_an_organization(
    alice: User,
    make_thread: Callable[..., Thread],
    other_organization: Organization,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transfer.exporting.MAX_NAMED_THREADS", 2)
    threads = [make_thread(title=f"thread {number}") for number in range(3)]
    fields = {"agent_type": "chat", "model": "m", "provider": "p"}
    other = Thread.objects.create(organization=other_organization, **fields)
    join(alice, other_organization)
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client = Client()
    client.force_login(alice)
    data = {"action": "export_as_csv", "_selected_action": [str(each.pk) for each in (*threads, other)]}

    response = client.post(reverse("admin:conversations_thread_changelist"), data)

    assert response.status_code == 200
    for each, ids, count in (
        (threads[0].organization_id, [str(thread.pk) for thread in threads[:2]], 3),
        (other_organization.pk, [str(other.pk)], 1),
    ):
        [entry] = entries(each, "threads.")
        assert entry["action"] == "threads.exported"
        assert entry["after"] == {"count": count, "format": "csv", "thread_ids": ids}
