"""Where the numbers of one server process lie: files that the other processes of the server read.

The files are those of prometheus-client's multi-process mode, and its code reads and adds them up. They are written
here, because that mode takes the place of the files from a variable of the environment at the moment of its import, and
because a number that is written like this costs a fourth of the time.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from prometheus_client.mmap_dict import MmapedDict

LASTING = ("counter", "histogram")
"""Kinds whose numbers outlive the process that wrote them."""

FIRST_BYTES = 1024 * 1024
"""Of one file: about five thousand numbers."""

MOST_BESIDE_A_KEY = 4 + 8 + 16
"""Bytes: the key's length, what fills it up to a multiple of eight, the number and a time."""

BURIED = "dead"
"""Stands in the name of a file where a living process has its id."""


class Store:
    """The numbers of this process, by the keys of the files; every write is seen by the other processes at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = Lock()
        self._files: dict[str, NumberFile] = {}
        self._numbers: dict[str, float] = {}
        directory.mkdir(parents=True, exist_ok=True)
        with exclusive(directory):
            self._alive = _lock_of(directory, os.getpid())
            fcntl.flock(self._alive, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def add(self, kind: str, key: str, amount: float) -> None:
        with self._lock:
            number = self._numbers.get(key)
            if number is None and (number := self._first(kind, key)) is None:
                return
            self._numbers[key] = number = number + amount
            self._files[kind].cells.write_value(key, number, 0.0)

    def put(self, kind: str, key: str, number: float) -> None:
        with self._lock:
            if key not in self._numbers and self._first(kind, key) is None:
                return
            self._numbers[key] = number
            self._files[kind].cells.write_value(key, number, 0.0)

    def close(self) -> None:
        """Let go of the files, which stay for those who still add them up."""
        with self._lock:
            for file in self._files.values():
                file.cells.close()
            os.close(self._alive)

    def _first(self, kind: str, key: str) -> float | None:
        """The number under a new key: 0.0, or what an earlier process with the same id has left.

        None when the disk has no room for one more, which is then not kept.
        """
        try:
            if kind not in self._files:
                self._files[kind] = NumberFile(self.directory / f"{kind}_{os.getpid()}.db")
            return self._files[kind].first(key)
        except OSError:
            return None


class NumberFile:
    """A file of prometheus-client's whose every block is on the disk before it is written to.

    It is mapped into memory: a write to a block that a full disk cannot provide would end the process.
    """

    def __init__(self, path: Path) -> None:
        """Open the file or make it; raises OSError when there is no room for it."""
        self._path = path
        self._size = 0
        self._reserve(max(FIRST_BYTES, path.stat().st_size if path.exists() else 0))
        self.cells = MmapedDict(str(path))
        self._known = {key for key, _number, _time in self.cells.read_all_values()}
        with path.open("rb") as file:
            self._used = int.from_bytes(file.read(4), sys.byteorder)

    def first(self, key: str) -> float:
        """Make room for a key and return the number under it; raises OSError when there is no room for it."""
        if key not in self._known:
            needed = len(key.encode()) + MOST_BESIDE_A_KEY
            if self._used + needed > self._size:
                # What is mapped doubles too, a little later.
                self._reserve(2 * self._size)
            self._used += needed
            self._known.add(key)
        number: float = self.cells.read_value(key)[0]
        return number

    def _reserve(self, size: int) -> None:
        with self._path.open("ab") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        self._size = size


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Keep other processes from adding up, starting and burying meanwhile."""
    file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def living(directory: Path) -> list[int]:
    """Return the ids of the processes that keep numbers there; the files of dead ones are put together.

    A process is alive as long as it holds its lock, which the kernel takes from it with its life. What the dead have
    counted stays counted; what they measured of themselves goes with them. Call it inside `exclusive`.
    """
    found = {path.stem.rpartition("_")[2] for path in directory.glob("*.alive")}
    alive = sorted(int(name) for name in found if _is_alive(directory, int(name)))
    for name in found - set(map(str, alive)):
        # Without room on the disk it waits until there is some.
        with suppress(OSError):
            _bury(directory, name)
    return alive


def _lock_of(directory: Path, process: int) -> int:
    return os.open(directory / f"process_{process}.alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_alive(directory: Path, process: int) -> bool:
    if process == os.getpid():
        return True
    file = _lock_of(directory, process)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _bury(directory: Path, process: str) -> None:
    for path in directory.glob(f"*_{process}.db"):
        kind = path.stem.rpartition("_")[0]
        if kind in LASTING:
            _add_up(path, directory / f"{kind}_{BURIED}.db")
        path.unlink()
    (directory / f"process_{process}.alive").unlink()


def _add_up(source: Path, target: Path) -> None:
    sums, found = NumberFile(target), list(MmapedDict.read_all_values_from_file(str(source)))
    # All of the room first: half a sum would be counted twice.
    before = [sums.first(key) for key, _number, _time, _place in found]
    for (key, number, _time, _place), sum_before in zip(found, before, strict=True):
        sums.cells.write_value(key, sum_before + number, 0.0)
    sums.cells.close()
