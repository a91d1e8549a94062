"""Hostile values in every text, number and list of the files that are imported."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from accounts.models import ApiKey
from conversations.models import Message, Thread
from tests.hostile.cases import Case, all_cases
from tests.hostile.outcomes import Outcome, Probe, walk
from tests.hostile.world import World
from tests.transfer.format_samples import SAMPLES

PLACEHOLDER = "\x1aplace\x1a"
AT_THE_EDGE = frozenset({"deep-list-950"})
"""Nested as deeply as Python's own parser reads from a shallow stack: it depends on the caller what becomes of them."""

KEY = {"name": "imported", "prefix": "old_abcd", "hash": "$2b$12$" + "a" * 53, "expires_at": None, "revoked": False}


class Ran:
    """What a command did, in the shape of an answer: 200 where it took all, 400 where it refused."""

    streaming = False

    def __init__(self, told: str, *, is_refused: bool) -> None:
        self.status_code = 400 if is_refused else 200
        self.told = told

    def __getitem__(self, name: str) -> str:
        return "text/plain"


def import_outcomes(world: World, *, share: int = 1) -> Iterator[Outcome]:
    """Walk through all formats of conversations and the file of keys; with a `share` of n, take every n-th input."""
    with tempfile.TemporaryDirectory() as folder:
        found = [*_conversation_probes(Path(folder)), *_key_probes(Path(folder))]
        yield from walk(world, (probe for index, probe in enumerate(found) if index % share == 0))


def _conversation_probes(folder: Path) -> Iterator[Probe]:
    for name, sample in SAMPLES.items():
        for path in leaves(sample):
            for case in all_cases():
                if case.kind == "value" and case.id not in AT_THE_EDGE:
                    yield _conversation_probe(folder, name, sample, path, case)


def _conversation_probe(folder: Path, name: str, sample: Any, path: tuple[Any, ...], case: Case) -> Probe:
    def send() -> Ran:
        file = folder / "export.json"
        file.write_text(f"[{with_text(sample, path, case.text)}]", encoding="utf-8")
        return run("import_conversations", str(file), "--format", name, "--organization", "acme")

    place = ".".join(str(part) for part in path)
    return Probe(f"import {name} {place}", case.id, send, lambda ran: _imported(ran, case))


def _imported(ran: Ran, case: Case) -> tuple[Any, str]:
    """What was stored of a conversation: ids and times left out, the text of the case found again or not."""
    if ran.status_code >= 400:
        return _without_counts(ran.told), "" if "Traceback" not in ran.told else "a traceback"
    threads = list(Thread.objects.filter(external_id__contains=":").values("title", "metadata", "external_id", "model"))
    ids = Thread.objects.filter(external_id__contains=":").values("pk")
    columns = ("role", "content", "parts", "metadata", "artifact_data", "external_id", "model", "position", "usage")
    rows = list(Message.objects.filter(thread_id__in=ids).order_by("position").values(*columns))
    stored = json.loads(json.dumps([threads, rows], default=str))
    fault = "NUL was stored" if "\\u0000" in json.dumps(stored) else ""
    is_text = case.text.startswith('"') and case.is_json
    if not fault and is_text and not _is_found(case.value, stored) and _resembles(case.value, stored):
        fault = "altered"
    return stored, fault


def _is_found(text: str, value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_found(text, each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return any(_is_found(text, each) for each in value)
    return isinstance(value, str) and text in value


def _resembles(text: str, value: Any) -> bool:
    """Whether a part of the text is there, but not the whole of it."""
    words = [word for word in text.split() if len(word) > 6]
    return bool(words) and _is_found(words[0][:12], value)


def _without_counts(told: str) -> str:
    return told.replace(PLACEHOLDER, "")


def _key_probes(folder: Path) -> Iterator[Probe]:
    for member in KEY:
        for case in all_cases():
            if case.kind == "value":
                yield _key_probe(folder, member, case)


def _key_probe(folder: Path, member: str, case: Case) -> Probe:
    def send() -> Ran:
        file = folder / "keys.jsonl"
        file.write_text(with_text(KEY, (member,), case.text.replace("\n", " ")) + "\n", encoding="utf-8")
        return run("import_api_keys", str(file), "--organization", "acme")

    def judge(ran: Ran) -> tuple[Any, str]:
        if ran.status_code >= 400:
            return ran.told, ""
        key = ApiKey.objects.order_by("created_at", "id").last()
        stored = getattr(key, member, None)
        is_same = not isinstance(stored, str) or not case.text.startswith('"') or stored == case.value
        return str(stored), "" if is_same or member == "hash" else f"altered: {str(stored)[:80]!r}"

    return Probe(f"import keys {member}", case.id, send, judge)


def run(*arguments: str) -> Ran:
    """Run a command; anything but its own complaint is the failure of the probe."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=out)
    except CommandError as error:
        return Ran(f"{out.getvalue()}{error}", is_refused=True)
    return Ran(out.getvalue(), is_refused=False)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a document, containers included."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield from leaves(inner, (*path, name))


def with_text(document: Any, path: tuple[Any, ...], text: str) -> str:
    """The document as JSON, with a piece of JSON text in one place."""
    changed = copy.deepcopy(document)
    holder = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = PLACEHOLDER
    return json.dumps(changed).replace(json.dumps(PLACEHOLDER), text)
