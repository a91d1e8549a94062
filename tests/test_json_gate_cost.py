"""The gate's price grows with the size of a body and with nothing else."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

import pytest

from core.json_gate import RefusedJSON, read_json

SIZE = 10 * 1024 * 1024


def many(item: bytes, size: int) -> bytes:
    return b"[" + b",".join([item] * (size // (len(item) + 1) - 1)) + b"]"


def under_a_long_key(inner: bytes) -> bytes:
    return b'{"' + b"k" * len(inner) + b'":' + inner + b"}"


BODIES: dict[str, Callable[[int], bytes]] = {
    "one text": lambda size: b'"' + b"a" * size + b'"',
    "escapes that look suspicious": lambda size: b'"' + b"\\\\u0000" * (size // 8) + b'"',
    "pairs of escapes": lambda size: b'"' + b"\\ud83d\\ude00" * (size // 12) + b'"',
    "backslashes": lambda size: b'"' + b"\\\\" * (size // 2) + b'"',
    "numbers": lambda size: many(b"0", size),
    "numbers beside an escape": lambda size: many(b"0", size).replace(b"[0", b'["\\\\u0000"', 1),
    "empty lists": lambda size: many(b"[]", size),
    "empty lists under a long key": lambda size: under_a_long_key(many(b"[]", size // 2)),
    "long keys in one another": lambda size: (b'{"' + b"k" * (size // 130) + b'":') * 128 + b"0" + b"}" * 128,
    "digits": lambda size: b"1" * size,
    "decimals": lambda size: b"0." + b"1" * size,
    "exponent": lambda size: b"1e" + b"1" * size,
    "brackets": lambda size: b"[" * size,
    "repeated key at the end": lambda size: b"{" + b",".join(b'"%d":0' % n for n in range(size // 16)) + b',"0":1}',
    "bad number at the end": lambda size: under_a_long_key(many(b"[]", size // 2)[:-1] + b",NaN]"),
    "bad text at the end": lambda size: many(b'"a"', size)[:-1] + b',"\\u0000"]',
}


@pytest.mark.parametrize("name", BODIES)
def test_time_grows_in_proportion_to_the_body(name: str) -> None:
    quarter = cpu_seconds(BODIES[name](SIZE // 4))
    whole = cpu_seconds(BODIES[name](SIZE))
    assert whole < 8 * max(quarter, 0.1)


@pytest.mark.parametrize("name", ["empty lists under a long key", "bad number at the end"])
def test_memory_does_not_grow_with_the_length_of_keys(name: str) -> None:
    raw = BODIES[name](SIZE // 10)
    tracemalloc.start()
    with suppress(RefusedJSON):
        read_json(raw)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * len(raw)


def cpu_seconds(raw: bytes) -> float:
    """Time of one reading without the garbage collector, whose rounds depend on all that the process holds."""
    gc.disable()
    started = time.thread_time()
    with suppress(RefusedJSON):
        read_json(raw)
    spent = time.thread_time() - started
    gc.enable()
    return spent
