"""Real files of each format, where the folder that holds them is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transfer.format_samples import read_file
from transfer.formats.registry import detect_format
from transfer.records import RefusedRecord, ThreadRecord, UnreadableFile

SHARED_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

COUNTS = {
    "chatgpt_export/librechat_chatgpt-export.json": ("chatgpt", 2, 21),
    "chatgpt_export/mitkury_example-conversation.json": ("chatgpt", 1, 6),
    "chatgpt_export/polylogue_native-conversation-v1.json": ("chatgpt", 1, 8),
    "chatgpt_export/polylogue_synth_sample-00.json": ("chatgpt", 1, 3),
    "claude_export/osteele_cooking.json": ("claude", 1, 6),
    "claude_export/osteele_creative-writing.json": ("claude", 1, 6),
    "claude_export/osteele_debugging.json": ("claude", 1, 4),
    "claude_export/osteele_math-tutoring.json": ("claude", 1, 4),
    "claude_export/osteele_python.json": ("claude", 1, 4),
    "claude_export/osteele_testdata_claude-bakery-chat.json": ("claude", 1, 4),
    "claude_export/osteele_testdata_conversations.json": ("claude", 2, 6),
    "claude_export/osteele_webdev.json": ("claude", 1, 2),
    "claude_export/polylogue_synth_sample-00.json": ("claude", 1, 3),
    "openwebui_export/webui-json.json": ("openwebui", 1, 2),
    "sharegpt/dummy_conversation.json": ("sharegpt", 500, 2000),
    "sharegpt/glaive_toolcall_en_demo.json": ("sharegpt", 300, 1914),
    "sharegpt/v1_sft_demo.jsonl": ("sharegpt", 500, 1000),
    "openai_chat/mllm_demo.json": ("openai_chat", 6, 24),
    "openai_chat/toy_chat_fine_tuning.jsonl": ("openai_chat", 5, 19),
    "oasst/en_100_tree.open.jsonl": ("oasst", 56, 627),
}
"""Format, threads and messages of each file; no record of any is refused."""

FOREIGN_FOLDERS = (
    "adk_session",
    "gemini_takeout",
    "librechat_export",
    "chatbotui_export",
    "swe_agent_traj",
    "mt_bench",
)


def shared_path(name: str) -> Path:
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return path


@pytest.mark.parametrize("name", COUNTS)
def test_real_file_is_detected_and_read_whole(name: str) -> None:
    path = shared_path(name)
    format_name, thread_count, message_count = COUNTS[name]

    records = read_file(path)

    assert [record for record in records if isinstance(record, RefusedRecord)] == []
    threads = [record for record in records if isinstance(record, ThreadRecord)]
    assert detect_format(path).name == format_name
    assert len(threads) == thread_count
    assert sum(len(thread.messages) for thread in threads) == message_count
    assert len({thread.external_id for thread in threads}) == thread_count


@pytest.mark.parametrize("folder", FOREIGN_FOLDERS)
def test_real_file_of_another_format_is_not_mistaken(folder: str) -> None:
    for path in sorted(shared_path(folder).iterdir()):
        with pytest.raises(UnreadableFile, match="fits none of the known formats"):
            detect_format(path)
