"""A thread whose shown path jumps at every turn, as when every answer was made anew."""

from __future__ import annotations

from typing import Any

from accounts.actors import SystemActor
from conversations.models import Thread
from conversations.services import append_messages
from core.ids import uuid7
from tests.client import ApiClient

TURNS = 1500


def regenerate_every_turn(actor: SystemActor, thread: Thread) -> None:
    """Message 1, then twice an answer to the latest shown message, of which the second is shown."""
    entries: list[dict[str, Any]] = [{"id": uuid7(), "role": "user"}]
    for _turn in range(TURNS):
        shown = entries[-1]["id"]
        entries += [{"id": uuid7(), "role": "assistant", "parent_id": shown} for _ in range(2)]
    append_messages(actor=actor, thread_id=thread.pk, messages=entries)


def test_path_of_many_runs_is_listed_in_order(api: ApiClient, actor: SystemActor, thread: Thread) -> None:
    regenerate_every_turn(actor, thread)

    forward = api.get(f"/api/threads/{thread.pk}/messages?limit=1000&count=true").json()
    rest = api.get(forward["next"].removeprefix("http://testserver")).json()
    last = api.get(f"/api/threads/{thread.pk}/messages?limit=3&order=desc").json()

    shown = [row["position"] for page in (forward, rest) for row in page["results"]]
    assert shown == list(range(1, 2 * TURNS + 2, 2))
    assert (forward["count"], rest["next"]) == (TURNS + 1, None)
    assert [row["position"] for row in last["results"]] == [2 * TURNS + 1, 2 * TURNS - 1, 2 * TURNS - 3]


def test_path_of_many_runs_goes_on_where_it_ends(api: ApiClient, actor: SystemActor, thread: Thread) -> None:
    regenerate_every_turn(actor, thread)

    added = api.post(f"/api/threads/{thread.pk}/messages", {"role": "user", "content": "on"}).json()

    last = api.get(f"/api/threads/{thread.pk}/messages?limit=2&order=desc").json()["results"]
    assert [row["id"] for row in last] == [added["id"], added["parent_id"]]
