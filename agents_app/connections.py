"""Testing the connection of an integration: one cheap request, and what came of it.

The request is sent outside of any transaction: while another server thinks, nobody else waits for the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from agents_app.models import IntegrationConfig
from core import row_security
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, NotFound
from core.outgoing import Answer, OutgoingFailed, OutgoingRefused, send
from core.preconditions import ANY_VERSION, Precondition
from core.secrets import SecretText
from ledger.services import record, subject_of

ANTHROPIC_VERSION = "2023-06-01"
DEFAULT_ADDRESSES = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com/v1"}
OPENAI_LIKE = frozenset({"openai", "openai_compatible"})
WEBHOOKS = frozenset({"webhook", "slack"})
GOOD = frozenset(range(200, 300))

Secrets = Mapping[str, SecretText]


class IntegrationChanged(Conflict):
    """Where the request went or what it carried was changed while it was under way."""

    code = "integration_changed"

    def __init__(self) -> None:
        super().__init__("The integration was changed during its test; test it again.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a test, in words of our own: nothing of the answer is repeated but its status."""

    status: IntegrationConfig.TestStatus
    detail: str


@dataclass(frozen=True, slots=True)
class Probe:
    """The request that tells whether an integration works, and the statuses that say so."""

    method: str
    address: str
    headers: dict[str, str]
    good: frozenset[int] = GOOD


class Incomplete(Exception):
    """The integration lacks what its test needs; the message says what."""


def check_connection(
    *, actor: Actor, integration_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> IntegrationConfig:
    """Send one request and keep what came of it on the row, which is returned.

    Raises `NotFound`, `VersionMismatch`, `UnreadableSecrets`, `IntegrationChanged`.
    """
    with row_security.scope({actor.organization_id}):
        row = IntegrationConfig.objects.visible_to(actor).active().filter(pk=integration_id).first()
    if row is None:
        raise NotFound
    precondition.check(row.version)
    outcome = _outcome(row)
    with row_security.scope({actor.organization_id}):
        return keep_outcome(actor=actor, tested=row, outcome=outcome, now=now or timezone.now())


@transaction.atomic
def keep_outcome(*, actor: Actor, tested: IntegrationConfig, outcome: Outcome, now: datetime) -> IntegrationConfig:
    """Write down what came of a test of the row as it was then. Raises `NotFound`, `IntegrationChanged`."""
    row = lock_row(IntegrationConfig.objects.visible_to(actor).active(), tested.pk, ANY_VERSION)
    if _tested_part(row) != _tested_part(tested):
        raise IntegrationChanged
    found = {"last_tested_at": now, "last_test_status": outcome.status, "last_test_detail": outcome.detail}
    save_changes(row, found, now=now)
    after = {"status": outcome.status, "detail": outcome.detail}
    record(actor=actor, action="integration.tested", subject=subject_of(row), after=after, now=now)
    return row


def _tested_part(row: IntegrationConfig) -> tuple[str, str, dict[str, SecretText]]:
    """What a test depends on; the same secrets may meanwhile be under another key."""
    return row.kind, row.base_url, row.open_secrets()


def _outcome(row: IntegrationConfig) -> Outcome:
    secrets = row.open_secrets()
    try:
        probe = probe_of(row.kind, row.base_url, secrets)
        answer = send(probe.method, probe.address, headers=probe.headers)
    except (Incomplete, OutgoingRefused, OutgoingFailed) as error:
        return Outcome(IntegrationConfig.TestStatus.FAILED, str(error))
    return _judged(probe, answer)


def _judged(probe: Probe, answer: Answer) -> Outcome:
    line = f"HTTP {answer.status}"
    if answer.status in list(HTTPStatus):
        line = f"{line} {HTTPStatus(answer.status).phrase}"
    if answer.status in probe.good:
        return Outcome(IntegrationConfig.TestStatus.OK, line)
    note = ": redirects are not followed" if 300 <= answer.status < 400 else ""
    return Outcome(IntegrationConfig.TestStatus.FAILED, line + note)


@sensitive_variables()
def probe_of(kind: str, base_url: str, secrets: Secrets) -> Probe:
    """Return the request for a kind of integration; raises `Incomplete`.

    Secrets go to the providers whose header for them is known, and nowhere else.
    """
    if kind in OPENAI_LIKE:
        return Probe("GET", _models(kind, base_url), _bearer(secrets, is_needed=kind == "openai"))
    if kind == "anthropic":
        own = {"x-api-key": _needed(secrets, "api_key"), "anthropic-version": ANTHROPIC_VERSION}
        return Probe("GET", _models(kind, base_url), own)
    address = secrets.get("url", base_url)
    if not address:
        raise Incomplete("There is neither a base_url nor a secret named url.")
    # A webhook takes POST alone: that it refuses the method shows that it is there.
    also_good = frozenset({HTTPStatus.METHOD_NOT_ALLOWED}) if kind in WEBHOOKS else frozenset()
    return Probe("HEAD", address, {}, GOOD | also_good)


def _models(kind: str, base_url: str) -> str:
    """The list of models below the base address; Anthropic's clients leave the version out of theirs."""
    address = base_url or DEFAULT_ADDRESSES.get(kind, "")
    if not address:
        raise Incomplete("There is no base_url.")
    parts = urlsplit(address)
    path = parts.path.rstrip("/")
    if kind == "anthropic" and not path.endswith("/v1"):
        path += "/v1"
    return urlunsplit(parts._replace(path=f"{path}/models"))


def _bearer(secrets: Secrets, *, is_needed: bool) -> dict[str, str]:
    if not is_needed and "api_key" not in secrets:
        return {}
    return {"Authorization": SecretText(f"Bearer {_needed(secrets, 'api_key')}")}


def _needed(secrets: Secrets, name: str) -> SecretText:
    if name not in secrets:
        raise Incomplete(f"There is no secret named {name}.")
    return secrets[name]
