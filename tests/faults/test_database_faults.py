"""The short form of the faults 3, 13 and 14, one after the other under one load: a pair of servers of its own.

The primary replicates synchronously to a replica that is read from. The pool is exhausted; the primary is killed and
comes back; it is killed again and the replica promoted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.db import connection

from tests.concurrency.stage import Database
from tests.faults.clusters import Cluster, new_clusters, until_synchronous
from tests.faults.conftest import MakeStage, Report
from tests.faults.judging import judge
from tests.faults.recording import Load
from tests.faults.replica_readers import Readers
from tests.faults.test_database_kills import outage_problems
from tests.faults.test_exhausted_pools import SMALL_POOL, held, problems_of
from tests.faults.test_replicas import SCANS, synchronize, what_is_wrong

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="kills a PostgreSQL")

FAULT = "3, 13 and 14 in short"


@pytest.fixture
def pair() -> Iterator[list[Cluster]]:
    with new_clusters(2) as (primary, replica):
        primary.initialize()
        replica.copy_of(primary, name="replica1")
        primary.start()
        replica.start()
        synchronize(primary, "FIRST 1 (replica1)", 1)
        yield [primary, replica]


def several_hosts(*clusters: Cluster) -> str:
    """An address that leads to whichever of the servers takes writes."""
    hosts = ",".join("127.0.0.1" for _ in clusters)
    ports = ",".join(str(cluster.port) for cluster in clusters)
    return f"postgresql://postgres@/postgres?host={hosts}&port={ports}&target_session_attrs=read-write"


@pytest.mark.slow
def test_what_happens_to_the_database_loses_doubles_and_hides_nothing(
    pair: list[Cluster], make_stage: MakeStage, report: Report
) -> None:
    primary, replica = pair
    env = SMALL_POOL | {"DATABASE_URL": several_hosts(primary, replica), "REPLICA_URLS": replica.url}
    stage = make_stage(url=primary.url, workers=1, env=env, command=("-m", "config.server"))
    with Load(stage, clients=2) as load, Readers(stage, load, count=1) as readers:
        time.sleep(1)
        with held(primary.url, load.threads[0]):
            time.sleep(0.3)
            problems = problems_of(stage, 1)
        primary.kill()
        problems += outage_problems(stage)
        primary.start()
        until_synchronous(primary, 1)
        time.sleep(1)
        scans = int(replica.execute(SCANS)[0][0])
        primary.kill()
        replica.execute("ALTER SYSTEM RESET synchronous_standby_names")
        replica.execute("SELECT pg_reload_conf()")
        replica.promote()
        fault_ended = time.monotonic()
        time.sleep(1)
    problems += what_is_wrong(readers, scans)
    notes = f"{readers.reads} reads, {scans} scans of the replica"
    report(
        judge(
            stage,
            load.record,
            fault=FAULT,
            fault_ended=fault_ended,
            notes=notes,
            problems=problems,
            database=Database(replica.url),
        )
    )
