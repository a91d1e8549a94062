"""`manage.py close_stale_sessions`."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.models import AgentSession, Organization
from accounts.services import agent_sessions
from accounts.services.agent_sessions import beat, close_stale_sessions, end_session, start_session
from tests.accounts.trail import last_number, trail_of
from tests.api.stored_rows import snapshot


def run(*arguments: str) -> list[str]:
    written = StringIO()
    call_command("close_stale_sessions", *arguments, stdout=written)
    return written.getvalue().splitlines()


def silent(organization: Organization, minutes: int) -> AgentSession:
    """A session that is silent since then."""
    moment = timezone.now() - timedelta(minutes=minutes)
    return start_session(actor=SystemActor(organization.pk), fields={}, now=moment)


def test_silent_sessions_end_with_their_last_heartbeat(
    organization: Organization, other_organization: Organization
) -> None:
    stale, fresh, theirs = silent(organization, 31), silent(organization, 29), silent(other_organization, 500)
    start = last_number(organization.pk)

    told = run()

    assert told == ["acme: 1 closed", "rival: 1 closed", "2 sessions closed."]
    row = AgentSession.objects.get(pk=stale.pk)
    assert (row.ended_at, row.end_reason, row.version) == (stale.last_heartbeat_at, "stale", 2)
    assert row.last_heartbeat_at == stale.last_heartbeat_at
    assert list(AgentSession.objects.filter(ended_at=None)) == [fresh]
    assert AgentSession.objects.get(pk=theirs.pk).end_reason == "stale"
    [entry] = trail_of(organization.pk, since=start)
    assert (entry["action"], entry["actor"]) == ("session.ended", "system manage.py")
    assert entry["after"]["end_reason"] == "stale"


def test_a_heartbeat_keeps_a_session_open(organization: Organization) -> None:
    session = silent(organization, 500)
    beat(actor=SystemActor(organization.pk), session_id=session.pk)

    assert run() == ["0 sessions closed."]
    assert AgentSession.objects.get().ended_at is None


def test_an_ended_session_stays_as_it_ended(organization: Organization) -> None:
    session = silent(organization, 500)
    ended = end_session(actor=SystemActor(organization.pk), session_id=session.pk)

    assert run() == ["0 sessions closed."]
    row = AgentSession.objects.get()
    assert (row.ended_at, row.end_reason) == (ended.ended_at, "ended")


def test_a_dry_run_counts_and_changes_nothing(organization: Organization) -> None:
    silent(organization, 31)
    before = snapshot()

    assert run("--dry-run") == ["acme: 1 would be closed", "1 sessions would be closed."]
    assert snapshot() == before


@pytest.mark.parametrize(("minutes", "closed"), [("1", 2), ("15", 1), ("60", 0)])
def test_the_silence_can_be_chosen(organization: Organization, minutes: str, closed: int) -> None:
    silent(organization, 5)
    silent(organization, 20)

    assert run("--idle-minutes", minutes)[-1] == f"{closed} sessions closed."


def test_the_setting_says_how_long_a_silence_may_be(organization: Organization, settings: Any) -> None:
    silent(organization, 31)
    settings.SESSION_IDLE_MINUTES = 40

    assert run() == ["0 sessions closed."]


@pytest.mark.parametrize("minutes", ["0", "-1", "525601"])
def test_a_silence_is_a_number_of_minutes(organization: Organization, minutes: str) -> None:
    silent(organization, 600_000)

    with pytest.raises(CommandError, match="from 1 to 525600"):
        run("--idle-minutes", minutes)

    assert AgentSession.objects.get().ended_at is None


def test_batches_close_all_of_many(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_sessions, "BATCH", 2)
    for minutes in range(40, 45):
        silent(organization, minutes)

    closed = close_stale_sessions(
        actor=SystemActor(organization.pk), silent_since=timezone.now() - timedelta(minutes=30)
    )

    assert closed == 5
    assert AgentSession.objects.filter(ended_at=None).count() == 0
