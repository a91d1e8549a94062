"""Fault 14: reads from streaming replicas, and the death of the primary.

Every read sees what was acknowledged before it, whoever wrote it and over whichever worker, also from a replica that
is behind. Under synchronous replication the primary is killed and a replica promoted: nothing acknowledged is lost.
A short form is in `test_database_faults`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import connection

from tests.concurrency.stage import Database
from tests.faults.clusters import Cluster, new_clusters, newest_debian_programs, until_synchronous
from tests.faults.conftest import MakeStage, Report
from tests.faults.judging import judge
from tests.faults.poolers import new_pooler
from tests.faults.recording import Load
from tests.faults.replica_readers import Readers
from tests.faults.stage import Stage
from tests.processes import finished, start

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no replicas")

FAULT = "14 primary killed, replica promoted"
SCANS = (
    "SELECT coalesce(sum(idx_scan + seq_scan), 0)::int FROM pg_stat_user_tables WHERE relname = 'conversations_message'"
)
LAG = """
import json, dataclasses, django
django.setup()
from core.replicas import replication_lag
print(json.dumps([dataclasses.asdict(lag) for lag in replication_lag()]))
"""


@pytest.fixture
def debian_trio() -> Iterator[list[Cluster]]:
    programs = newest_debian_programs()
    if programs is None:
        pytest.skip("no PostgreSQL of Debian's is installed")
    with new_clusters(3, programs=programs) as clusters:
        primary, *replicas = clusters
        primary.initialize()
        for number, replica in enumerate(replicas, 1):
            replica.copy_of(primary, name=f"replica{number}")
        for cluster in clusters:
            cluster.start()
        synchronize(primary, "ANY 1 (replica1, replica2)", 2)
        yield clusters


def synchronize(primary: Cluster, names: str, count: int) -> None:
    """Let a commit be acknowledged when replicas have it on their disks too."""
    primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    primary.execute("SELECT pg_reload_conf()")
    until_synchronous(primary, count)


def lags(env: dict[str, str]) -> list[dict[str, Any]]:
    """What `replication_lag()` tells in a process that is configured like the server."""
    run = finished(start("-c", LAG, env={**env, "DJANGO_SETTINGS_MODULE": "config.settings"}))
    assert run.returncode == 0, run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


def fail_over(replicas: Sequence[Cluster]) -> tuple[Cluster, Cluster]:
    """Promote the replica that has received most, which has everything that was acknowledged; the other follows it."""
    received = "SELECT (pg_last_wal_receive_lsn() - '0/0')::bigint"
    other, promoted = sorted(replicas, key=lambda replica: int(replica.execute(received)[0][0]))
    promoted.promote()
    other.follow(promoted, name=f"replica{replicas.index(other) + 1}")
    return promoted, other


def what_is_wrong(readers: Readers, scans: int) -> tuple[str, ...]:
    return (
        *(f"hidden from a read: {each}" for each in readers.hidden),
        *(f"a read was answered with {each}" for each in readers.refused),
        *(["the replicas were not read"] if scans == 0 else []),
    )


@pytest.mark.faults
def test_two_replicas_behind_a_pooler_lose_and_hide_nothing(
    debian_trio: list[Cluster], make_stage: MakeStage, report: Report
) -> None:
    primary, *replicas = debian_trio
    with new_pooler(primary) as pooler:
        env = {
            "DATABASE_URL": pooler.url,
            "REPLICA_URLS": ",".join(replica.url for replica in replicas),
            "DATABASE_PREPARED_STATEMENTS": "false",
        }
        stage: Stage = make_stage(url=primary.url, env=env)
        with Load(stage, clients=6) as load, Readers(stage, load, count=4) as readers:
            time.sleep(5)
            shown = lags(env)
            scans = [int(replica.execute(SCANS)[0][0]) for replica in replicas]
            primary.kill()
            promoted, other = fail_over(replicas)
            pooler.lead_to(promoted)
            fault_ended = time.monotonic()
            time.sleep(8)
            after = int(other.execute(SCANS)[0][0]) - scans[replicas.index(other)]
        bytes_behind = ", ".join(str(each["bytes"]) for each in shown)
        problems = what_is_wrong(readers, min(*scans, after))
        problems += tuple(f"no lag of {each['alias']}: {each['reason']}" for each in shown if each["bytes"] is None)
        notes = (
            f"{readers.reads} reads, scans of the replicas {scans}, {after} after the promotion, "
            f"lag under load {bytes_behind} bytes"
        )
        database = Database(promoted.url)
        report(
            judge(
                stage,
                load.record,
                fault=FAULT,
                fault_ended=fault_ended,
                notes=notes,
                problems=problems,
                database=database,
            )
        )
