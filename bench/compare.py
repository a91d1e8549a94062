"""Parley, the peer and the floor by turns, each start over a fresh copy of the same conversations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from uuid import UUID

from bench import corpus, floor
from bench.operations import OPERATIONS, Client, Operation, verify
from bench.plan import Place, Plan, tell
from bench.seeds import Seed
from bench.targets import Running
from bench.windows import Window, measure


def windows(plan: Plan, place: Place) -> Iterator[Window]:
    for size in plan.sizes:
        yield from Comparison(plan, place, size).windows()


class Comparison:
    """One database with one number of messages."""

    def __init__(self, plan: Plan, place: Place, size: int) -> None:
        self._plan = plan
        self._place = place
        self._size = size
        self._seeds = {product: Seed(product, size) for product in plan.products}
        self._ids = place.store.ids_file(size)

    def windows(self) -> Iterator[Window]:
        for seed in self._seeds.values():
            self._place.store.prepare(seed)
        for number in range(1, self._plan.rounds + 1):
            for seed in self._seeds.values():
                tell(f"{self._place.database}, {self._size:,} messages, round {number}: {seed.product}")
                yield from self._serve(seed)
            if self._plan.floor and "parley" in self._seeds:
                yield from self._floor()

    def _serve(self, seed: Seed) -> Iterator[Window]:
        operations = [OPERATIONS[name] for name in self._plan.operations if seed.product in OPERATIONS[name].paths]
        if not operations:
            return
        with self._plan.servers().serving(seed.product, self._place.store.fresh_copy(seed)) as server:
            check(server, operations, corpus.thread_id(0))
            for number in self._plan.clients:
                self._measure(server, operations[0], number)
                for operation in operations:
                    for _ in range(self._plan.windows):
                        yield self._measure(server, operation, number)

    def _measure(self, server: Running, operation: Operation, number: int) -> Window:
        self._plan.wait_for_quiet()
        clients = self._plan.connections(number)
        return measure(server, operation, clients, ids=self._ids, cluster=self._place.cluster, messages=self._size)

    def _floor(self) -> Iterator[Window]:
        database = self._place.store.fresh_copy(self._seeds["parley"])
        for operation in (name for name in floor.OPERATIONS if name in self._plan.operations):
            for _ in range(self._plan.windows):
                self._plan.wait_for_quiet()
                yield floor.measure(
                    operation,
                    database.url,
                    ids=self._ids,
                    cluster=self._place.cluster,
                    messages=self._size,
                    seconds=self._plan.seconds,
                    chosen=self._plan.server_cores,
                )


def check(server: Running, operations: Sequence[Operation], thread: UUID) -> None:
    """Look at one answer of each operation before any is measured; raises `WrongAnswer`."""
    with closing(Client(server.port, server.headers)) as client:
        for operation in operations:
            verify(operation, server.product, client, thread)
