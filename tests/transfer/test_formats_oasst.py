"""Message trees of OpenAssistant."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.transfer.format_samples import links, message_of, oasst_message, oasst_tree, read_one, refusal_of


def test_tree_is_read_whole(tmp_path: Path) -> None:
    thread = read_one("oasst", tmp_path, oasst_tree())

    assert thread.external_id == "oasst:t-1"
    assert thread.label == "1: t-1"
    assert (thread.title, thread.agent_type, thread.provider, thread.model) == (None, "chat", "unknown", "unknown")
    assert thread.metadata == {"source": {"tree_state": "ready_for_export"}}
    assert links(thread) == [("p", None), ("second", "p"), ("first", "p"), ("f1", "first"), ("f2", "first")]
    assert [message.role for message in thread.messages] == ["user", "assistant", "assistant", "user", "user"]
    assert message_of(thread, "p").metadata == {"source": {"role": "prompter", "lang": "en"}}
    assert message_of(thread, "first").metadata == {"source": {"rank": 0}}


def test_best_ranked_path_is_the_active_one(tmp_path: Path) -> None:
    assert read_one("oasst", tmp_path, oasst_tree()).active_leaf == "f1"


def test_unranked_reply_comes_after_ranked_ones(tmp_path: Path) -> None:
    replies = [oasst_message("a", "assistant", "x", []), oasst_message("b", "assistant", "y", [], rank=3)]

    thread = read_one("oasst", tmp_path, oasst_tree(prompt=oasst_message("p", "prompter", "?", replies)))

    assert thread.active_leaf == "b"


def test_synthetic_answer_names_its_model_and_time(tmp_path: Path) -> None:
    replies = [
        oasst_message("a", "assistant", "x", [], model_name="pythia", created_date="2023-02-05T14:23:50.983374+00:00")
    ]

    thread = read_one("oasst", tmp_path, oasst_tree(prompt=oasst_message("p", "prompter", "?", replies)))

    assert thread.model == "pythia"
    assert message_of(thread, "a").created_at == datetime(2023, 2, 5, 14, 23, 50, 983374, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (None, 'conversation: "prompt" is missing'),
        ([], 'conversation: "prompt": must be an object, not an array'),
        (
            oasst_message("p", "prompter", "?", []) | {"replies": [5]},
            "message 1: a reply: must be an object, not a number",
        ),
        (
            oasst_message("p", "prompter", "?", [oasst_message("a", "assistant", "x", [], rank="best")]),
            'message 1: the "rank" of a reply must be a number',
        ),
        (
            oasst_message("p", "prompter", "?", [oasst_message("p", "assistant", "x", [])]),
            'two messages have the id "p"',
        ),
        (oasst_message("p", "prompter", "?", []) | {"text": 5}, 'message 1: "text" must be a string, not a number'),
    ],
)
def test_malformed_tree_is_refused(tmp_path: Path, prompt: Any, reason: str) -> None:
    assert refusal_of("oasst", tmp_path, oasst_tree(prompt=prompt)) == reason
