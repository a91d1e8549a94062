"""Databases filled once, kept as templates under the data folder, and copied for every start of a server."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench import corpus, seed_peer
from bench.postgresql import Cluster

ROOT = Path(__file__).resolve().parent.parent
WRITERS = {"parley": ("seed_parley.py", "corpus.py"), "peer": ("seed_peer.py", "corpus.py", "peer/schema.sql")}
SIDE_FILES = ("", "-wal", "-shm", "-gate", "-migrate")


@dataclass(frozen=True, slots=True)
class Seed:
    """What a database holds: messages in threads of 50, and messages in one long thread more."""

    product: str
    messages: int
    deep: int = 0

    @property
    def stem(self) -> str:
        return f"{self.product}_{self.messages}_{self.deep}"

    @property
    def name(self) -> str:
        """Changes with whatever decides about the content, the product's migrations among it."""
        return f"{self.stem}_{_digest(self.product)}"


@dataclass(frozen=True, slots=True)
class Database:
    """A database ready for a server, and the key that opens it, empty for the peer."""

    url: str
    key: str


class Store:
    """Templates and copies of one kind of database: PostgreSQL with a cluster, SQLite without."""

    def __init__(self, folder: Path, cluster: Cluster | None, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._cluster = cluster
        self._env = env
        folder.mkdir(parents=True, exist_ok=True)

    def prepare(self, seed: Seed) -> None:
        """Fill the template unless it is there."""
        if self._is_there(seed):
            return
        self._forget_predecessors(seed)
        sys.stderr.write(f"Filling {seed.name} ({'PostgreSQL' if self._cluster else 'SQLite'}) …\n")
        unfinished = f"{seed.name}_new"
        if self._cluster is None:
            self._remove(unfinished)
        else:
            self._cluster.create(unfinished)
        key = self._fill(seed, self._url(unfinished), unfinished)
        self._key_file(seed).write_text(key, encoding="utf-8")
        if self._cluster is None:
            self._file(unfinished).rename(self._file(seed.name))
            self._remove(unfinished)
        else:
            self._cluster.rename(unfinished, seed.name)

    def fresh_copy(self, seed: Seed) -> Database:
        """Copy the template; the copy before is gone afterwards."""
        name = f"run_{seed.product}"
        if self._cluster is None:
            self._remove(name)
            shutil.copyfile(self._file(seed.name), self._file(name))
            os.sync()
        else:
            self._cluster.create(name, template=seed.name)
            self._cluster.checkpoint()
        return Database(url=self._url(name), key=self._key_file(seed).read_text(encoding="utf-8"))

    def ids_file(self, messages: int) -> Path:
        """A file with the ids of the short threads of so many messages, one a line."""
        path = self._folder / f"threads_{messages}.txt"
        path.write_text("".join(f"{each}\n" for each in corpus.thread_ids(messages)), encoding="utf-8")
        return path

    def _forget_predecessors(self, seed: Seed) -> None:
        """Remove templates of the same size that an older product or bench filled: they take gigabytes."""
        kind = "sqlite" if self._cluster is None else "postgresql"
        for key in self._folder.glob(f"{seed.stem}_*.{kind}.key"):
            name = key.name.partition(".")[0]
            if self._cluster is None:
                self._remove(name)
            else:
                self._cluster.drop(name)
            key.unlink()

    def _is_there(self, seed: Seed) -> bool:
        if not self._key_file(seed).is_file():
            return False
        return self._file(seed.name).is_file() if self._cluster is None else seed.name in self._cluster.databases()

    def _fill(self, seed: Seed, url: str, name: str) -> str:
        if seed.product == "parley":
            command = [sys.executable, "-m", "bench.seed_parley", str(seed.messages), "--deep", str(seed.deep)]
            env = {**os.environ, **self._env, "DATABASE_URL": url, "SQLITE_SYNCHRONOUS": "NORMAL"}
            run = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
            return run.stdout.strip()
        if self._cluster is None:
            seed_peer.seed_sqlite(self._file(name), seed.messages, seed.deep)
        else:
            seed_peer.seed_postgresql(url, seed.messages, seed.deep)
        return ""

    def _url(self, name: str) -> str:
        return f"sqlite:///{self._file(name)}" if self._cluster is None else self._cluster.url(name)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.sqlite3"

    def _key_file(self, seed: Seed) -> Path:
        kind = "sqlite" if self._cluster is None else "postgresql"
        return self._folder / f"{seed.name}.{kind}.key"

    def _remove(self, name: str) -> None:
        for suffix in SIDE_FILES:
            Path(f"{self._file(name)}{suffix}").unlink(missing_ok=True)


@cache
def _digest(product: str) -> str:
    files = [ROOT / "bench" / name for name in WRITERS[product]]
    if product == "parley":
        files += sorted(ROOT.glob("*/migrations/*.py"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
