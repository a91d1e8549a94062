"""System B, a control plane: the promises beside its checklist."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.models import ApiKey, Domain, Organization, Role, User
from accounts.roles import BUILT_IN_ROLES
from accounts.services import create_api_key
from accounts.services.key_imports import ForeignKey, import_key
from ledger.models import AuditEntry
from tests.accounts.keyring import bcrypt_hash
from tests.accounts.people import Person, place_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import join, make_member
from tests.processes import ROOT, finished, manage, start


def test_b1_structure_is_read_by_the_names_of_its_parts(api: ApiClient, organization: Organization) -> None:
    domain = api.post("/api/domains", {"name": "Retail Banking"}).json()
    twins = [api.post("/api/domains", {"name": "Again", "slug": "retail-banking"}).status_code]
    api.delete(f"/api/domains/{domain['id']}")
    twins.append(api.post("/api/domains", {"name": "Again", "slug": "retail-banking"}).status_code)

    assert (domain["slug"], twins) == ("retail-banking", [409, 201])
    assert Domain.objects.filter(organization=organization).active().count() == 1


def test_b5_audit_is_append_only(api: ApiClient, organization: Organization) -> None:
    api.post("/api/agents", {"name": "Ada"})
    entries = AuditEntry.objects.filter(organization_id=organization.pk)
    before = list(entries.order_by("sequence").values_list("hash", flat=True))
    table = AuditEntry._meta.db_table

    for statement in (f"UPDATE {table} SET action = 'x'", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    assert list(entries.order_by("sequence").values_list("hash", flat=True)) == before
    assert len(before) > 0


def test_b7_people_have_one_log_in_for_several_organizations(
    alice: User, organization: Organization, other_organization: Organization
) -> None:
    join(alice, other_organization, role="viewer")
    person = Person(alice)

    unnamed = person.get("/api/me")
    roles = [person.get("/api/me", parley_organization=slug).json()["role"]["slug"] for slug in ("acme", "rival")]

    assert unnamed.status_code == 403
    assert roles == ["owner", "viewer"]


@pytest.mark.parametrize("slug", BUILT_IN_ROLES)
def test_b8_role_opens_what_the_matrix_says(organization: Organization, alice: User, slug: str) -> None:
    held = BUILT_IN_ROLES[slug].permissions
    person = Person(make_member("dora", organization, role=slug))
    asked = {
        "thread.read": "/api/threads",
        "agent.read": "/api/agents",
        "domain.read": "/api/domains",
        "key.read": "/api/keys",
        "role.read": "/api/roles",
        "membership.read": "/api/memberships",
        "invitation.read": "/api/invitations",
        "audit.read": "/api/audit",
        "usage.read": "/api/usage",
        "budget.read": "/api/budgets",
        "integration.read": "/api/integrations",
        "session.read": "/api/agent-sessions",
    }

    answers = {code: person.get(path).status_code for code, path in asked.items()}

    assert answers == {code: 200 if code in held else 403 for code in asked}
    assert place_of(person.user) == (slug, None)


def test_b8_roles_are_rows_of_an_organization(organization: Organization, other_organization: Organization) -> None:
    user = make_member("dora", organization, role="viewer")
    join(user, other_organization, role="admin")

    roles = {row.organization.slug: row.role.slug for row in user.memberships.select_related("organization", "role")}

    assert roles == {"acme": "viewer", "rival": "admin"}
    assert Role.objects.built_in().count() == 10


def test_b9_only_a_hash_of_a_key_is_stored(organization: Organization) -> None:
    key, text = create_api_key(organization=organization, name="robot")
    client, secret = ApiClient(text), text.rpartition("_")[2]

    used = client.get("/api/threads").status_code
    stored = ApiKey.objects.get(pk=key.pk)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    expired = client.get("/api/threads").status_code
    ApiKey.objects.filter(pk=key.pk).update(expires_at=None, revoked_at=timezone.now())
    revoked = client.get("/api/threads").status_code

    assert (used, expired, revoked) == (200, 401, 401)
    assert secret not in str(ApiKey.objects.filter(pk=key.pk).values().get())
    assert stored.last_used_at is not None


def test_b9_a_key_of_the_seed_system_works_and_is_upgraded(organization: Organization) -> None:
    text = "af_live_" + "k" * 32
    import_key(actor=SystemActor(organization.pk), foreign=ForeignKey("old", text[:12], bcrypt_hash(text)))
    schemes = [ApiKey.objects.get(name="old").scheme]
    for _ in range(2):
        assert ApiClient(text).get("/api/threads").status_code == 200
        schemes.append(ApiKey.objects.get(name="old").scheme)

    assert schemes == ["bcrypt", "hmac", "hmac"]


def test_b10_a_stranger_finds_nothing_of_the_other_organization(api: ApiClient, stranger: ApiClient) -> None:
    rows = {
        "domains": {"name": "Retail"},
        "agents": {"name": "Ada"},
        "roles": {"name": "Desk", "permissions": ["thread.read"]},
        "invitations": {"email": "eve@example.org", "role": "member"},
        "keys": {"name": "robot"},
    }
    ids = {kind: api.post(f"/api/{kind}", body).json()["id"] for kind, body in rows.items()}
    before = snapshot()

    theirs = [stranger.get(f"/api/{kind}/{pk}") for kind, pk in ids.items()]
    nobodys = [stranger.get(f"/api/{kind}/{uuid.uuid4()}") for kind in ids]

    assert [answer.status_code for answer in theirs] == [404] * 5
    assert [answer.content for answer in theirs] == [answer.content for answer in nobodys]
    assert snapshot() == before


def test_b12_ids_times_booleans_and_lists_have_their_json_form(api: ApiClient) -> None:
    row = api.post("/api/agents", {"name": "Ada", "personality_traits": ["calm"], "is_active": False}).json()

    moment = datetime.fromisoformat(row["created_at"])
    assert uuid.UUID(row["id"]).version == 7
    assert (row["is_active"], row["personality_traits"]) == (False, ["calm"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["created_at"])
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


@pytest.mark.slow
def test_b13_concurrent_writers_are_not_turned_away(fresh_database: str) -> None:
    """Eight processes that change who belongs to an organization, at once."""
    env = {"DATABASE_URL": fresh_database}
    assert manage("migrate", "--verbosity", "0", env=env).returncode == 0

    run = finished(start("-m", "tests.concurrency.joiners", "8", "6", env={**env, "DEBUG": "0"}))

    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    assert told == {"members": 48, "entries": 96, "sequences": list(range(1, 97))}


def test_b15_one_volume_and_no_database_server() -> None:
    """What `docker compose up` starts: one service, whose every file lies under /data."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    started = {name: service for name, service in compose["services"].items() if "profiles" not in service}
    assert list(started) == ["parley"]
    assert started["parley"]["volumes"] == ["parley-data:/data"]
    assert "DATABASE_URL" not in started["parley"]["environment"]
    assert "VOLUME /data" in dockerfile
    assert "MIGRATE_ON_START=true" in dockerfile
