"""Reads from streaming replicas of PostgreSQL, which show everything that was acknowledged before the read began.

A replica replays the primary's log and is always a little behind. Before a request reads from one, it learns how far
the primary's log had been written when the request began, and waits for a moment until the replica has replayed that
far; a replica that does not get there in time is left out for a while and the primary answers. See docs/replicas.md.

- `positions`: places in the log, and where each server stands.
- `fleet`: which replica a request may read from.
- `routing`: what of a request reads from it; `reading_alias()` tells.
- `middleware`: opens and closes the reading of a request.
- `lag`: how far each replica is behind, for people and alarms.
"""

from core.replicas.lag import ReplicaLag, replication_lag
from core.replicas.routing import reading_alias, scope_aliases

__all__ = ["ReplicaLag", "reading_alias", "replication_lag", "scope_aliases"]
