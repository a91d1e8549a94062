"""Places in the write-ahead log, and where the primary and a replica stand."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

_TEXT = re.compile(r"([0-9A-F]{1,8})-([0-9A-F]{1,8})/([0-9A-F]{1,8})")


class Position(NamedTuple):
    """A place in the log. Each promotion of a replica begins a timeline with a higher number."""

    timeline: int
    offset: int
    """Bytes of log before it."""

    def __str__(self) -> str:
        return f"{self.timeline:X}-{self.offset >> 32:X}/{self.offset & 0xFFFFFFFF:X}"


def parse_position(text: str) -> Position:
    """Read what `str()` of a position wrote; raises ValueError for anything else."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    timeline, high, low = (int(part, 16) for part in found.groups())
    return Position(timeline, (high << 32) + low)


class ReplicaState(NamedTuple):
    """What a replica tells about itself. Without a `position` it must not be read from, and `reason` says why."""

    position: Position | None
    seconds: float | None
    """How long ago the last transaction it shows was committed; 0.0 when it has replayed all it was sent."""
    reason: str = ""

    def shows(self, wanted: Position) -> bool:
        """Whether everything that was committed up to a position can be seen.

        A replica that still follows a primary which was replaced may have a longer log with other things in it.
        """
        here = self.position
        return here is not None and here.timeline >= wanted.timeline and here.offset >= wanted.offset


# What was acknowledged was flushed before, unless the server acknowledges what it has not flushed.
_PRIMARY = """
SELECT pg_walfile_name(place), (place - '0/0')::bigint
FROM (SELECT CASE WHEN current_setting('synchronous_commit') = 'off' THEN pg_current_wal_insert_lsn()
                  ELSE pg_current_wal_flush_lsn() END AS place) AS log
"""

_REPLICA = """
SELECT pg_is_in_recovery(), receiver.pid, receiver.status, receiver.received_tli,
       (pg_last_wal_replay_lsn() - '0/0')::bigint,
       CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0.0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::double precision END
FROM (SELECT 1) AS one LEFT JOIN pg_stat_wal_receiver AS receiver ON true
"""

NO_REPLICA = "it is not a replica"
NO_PRIVILEGE = "its role may not see pg_stat_wal_receiver: GRANT pg_read_all_stats"
NOT_STREAMING = "it receives nothing from the primary"


def primary_position() -> Position:
    """How far the primary's log reaches; raises Django's database errors, also when the server is no primary."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_PRIMARY)
        file_name, offset = cursor.fetchone()
    return Position(int(file_name[:8], 16), offset)


def replica_state(alias: str) -> ReplicaState:
    """Where a replica stands; raises Django's database errors, and the next one to ask gets another connection."""
    connection = connections[alias]
    try:
        with connection.cursor() as cursor:
            cursor.execute(_REPLICA)
            is_replica, receiver, status, timeline, offset, seconds = cursor.fetchone()
    except DatabaseError:
        connection.close()
        raise
    if not is_replica:
        return ReplicaState(None, None, NO_REPLICA)
    if receiver is not None and status is None:
        return ReplicaState(None, seconds, NO_PRIVILEGE)
    if status != "streaming":
        return ReplicaState(None, seconds, NOT_STREAMING)
    return ReplicaState(Position(timeline, offset), seconds)
