"""Declarations of metrics: each app declares its own beside the code that counts, and costs nothing while they are off.

    APPENDED = Counter("parley_messages_appended_total", "Messages that were stored.")
    APPENDED.add(3)

Labels take values from small, known sets: never an id, a name or a text of anybody.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from core.metrics.store import Store

MAX_SERIES = 2000
"""Sets of label values that one metric tells apart in a process; what comes later is counted as `other`."""

OTHER = "other"

DECLARED: dict[str, Metric] = {}
"""Every metric by its name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that is read in the moment it is asked for; `is_counter` when it only grows."""

    name: str
    text: str
    number: float
    labels: dict[str, str] = field(default_factory=dict)
    is_counter: bool = False


class Metric:
    """A named number, or one for each set of label values."""

    kind: ClassVar[str]
    """The type of the metric, and the kind of file that it is kept in."""

    store: ClassVar[Store | None] = None
    """Where all metrics of this process are kept; None while they are off."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...] = ()) -> None:
        """Declare `name`, explained by `text`. Raises ValueError for a name that is taken."""
        if name in DECLARED:
            raise ValueError(f"{name} is declared twice")
        DECLARED[name] = self
        self.name = name
        self.text = text
        self.labels = labels
        self._keys: dict[tuple[str, ...], str] = {}
        self.begin()

    def begin(self) -> None:
        """Show a number without labels from the start on: what appears later cannot be told from a jump."""
        self._keys.clear()

    def _key(self, values: tuple[str, ...]) -> str:
        key = self._keys.get(values)
        if key is None:
            if len(self._keys) >= MAX_SERIES:
                values = (OTHER,) * len(self.labels)
            key = self._keys[values] = self._new_key(self.name, values)
        return key

    def _new_key(self, sample: str, values: tuple[str, ...], **more: str) -> str:
        from prometheus_client.mmap_dict import mmap_key  # noqa: PLC0415  is needed only where metrics are on

        if len(values) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {values}")
        names, given = [*self.labels, *more], [*values, *more.values()]
        key: str = mmap_key(self.name.removesuffix("_total"), sample, names, given, self.text)
        return key


class Counter(Metric):
    """A number that only grows; its name ends in `_total`."""

    kind = "counter"

    def begin(self) -> None:
        super().begin()
        if not self.labels:
            self.add(0)

    def add(self, amount: float = 1, *values: str) -> None:
        if self.store is not None:
            self.store.add(self.kind, self._key(values), amount)

    def take_over(self, number: float, *values: str) -> None:
        """Show what something else has counted in this process so far."""
        if self.store is not None:
            self.store.put(self.kind, self._key(values), number)


class Gauge(Metric):
    """A number that rises and falls; the server's is the sum of those of its living processes."""

    kind = "gauge_livesum"

    def put(self, number: float, *values: str) -> None:
        if self.store is not None:
            self.store.put(self.kind, self._key(values), number)


class Histogram(Metric):
    """How many of the observed amounts lie below some bounds, and their sum."""

    kind = "histogram"

    def __init__(self, name: str, text: str, labels: tuple[str, ...] = (), *, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._sets: dict[tuple[str, ...], tuple[str, ...]] = {}
        super().__init__(name, text, labels)

    def begin(self) -> None:
        super().begin()
        self._sets.clear()
        if not self.labels and self.store is not None:
            self._keys_of((), self.store)

    def observe(self, amount: float, *values: str) -> None:
        if self.store is not None:
            keys = self._sets.get(values) or self._keys_of(values, self.store)
            self.store.add(self.kind, keys[bisect_left(self._bounds, amount)], 1.0)
            self.store.add(self.kind, keys[-1], amount)

    def _keys_of(self, values: tuple[str, ...], store: Store) -> tuple[str, ...]:
        """The keys of the buckets, and last that of the sum; all of them are shown from now on."""
        from prometheus_client.utils import floatToGoString  # noqa: PLC0415  is needed only where metrics are on

        if len(self._sets) >= MAX_SERIES:
            values = (OTHER,) * len(self.labels)
        limits = map(floatToGoString, (*self._bounds, float("inf")))
        buckets = [self._new_key(f"{self.name}_bucket", values, le=limit) for limit in limits]
        keys = (*buckets, self._new_key(f"{self.name}_sum", values))
        for key in keys:
            store.add(self.kind, key, 0.0)
        self._sets[values] = keys
        return keys
