"""One of every thing in an organization, made through the API itself as its owner."""

from __future__ import annotations

import uuid
from typing import Any

from accounts.models import Membership, Organization
from ledger.models import AuditEntry
from tests.isolation.identities import Send

Ids = dict[str, str]
"""Ids by kind; `trashed agent` is an agent in the trash."""

REQUIRED = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}

COLLECTIONS = {
    "domain": "/api/domains",
    "instance": "/api/instances",
    "agent": "/api/agents",
    "thread": "/api/threads",
    "message": "/api/threads/{thread}/messages",
    "feedback": "/api/messages/{message}/feedback",
    "role": "/api/roles",
    "invitation": "/api/invitations",
    "key": "/api/keys",
    "integration": "/api/integrations",
    "agent-session": "/api/agent-sessions",
    "usage": "/api/usage",
    "budget": "/api/budgets",
    "price-override": "/api/price-overrides",
}
"""Where each kind is made, in an order in which all that one needs is there."""

ITEMS = {"message": "/api/messages", "feedback": "/api/feedback"}
"""Where rows are found that are made under another row."""

TRASHED = ("domain", "instance", "agent", "thread", "message", "feedback", "integration")
"""Kinds of which one more is made and deleted."""


def make_world(owner: Send, organization: Organization, word: str) -> Ids:
    """Make one of every kind, with `word` in all that holds words, and return the ids."""
    ids: Ids = {"organization": str(organization.pk)}
    for kind in COLLECTIONS:
        if kind in TRASHED:
            ids[f"trashed {kind}"] = _make(owner, kind, ids, word)
        ids[kind] = _make(owner, kind, ids, word)
    for kind in reversed(TRASHED):
        collection = ITEMS.get(kind, COLLECTIONS[kind])
        response = owner("DELETE", f"{collection}/{ids[f'trashed {kind}']}", if_match="*")
        assert response.status_code == 204, (kind, response.content)
    member = Membership.objects.filter(organization=organization).latest("created_at")
    entry = AuditEntry.objects.filter(organization_id=organization.pk).latest("sequence")
    return {**ids, "membership": str(member.pk), "user": str(member.user_id), "audit": str(entry.pk)}


def _make(owner: Send, kind: str, ids: Ids, word: str) -> str:
    response = owner("POST", COLLECTIONS[kind].format(**ids), new(kind, ids, word))
    assert response.status_code == 201, (kind, response.content)
    return str(response.json()["id"])


def new(kind: str, ids: Ids, word: str) -> dict[str, Any]:
    """A body that makes one of a kind; empty for what is not made."""
    bodies: dict[str, dict[str, Any]] = {
        "domain": {"name": f"Domain {word}", "description": word},
        "instance": {"name": f"Instance {word}", "domain_id": ids.get("domain"), "agent_ids": _some(ids.get("agent"))},
        "agent": {"name": f"Agent {word}", "instructions": word},
        "thread": {**REQUIRED, "title": f"Thread {word}", "metadata": {"word": word}},
        "message": {"role": "user", "content": f"Said {word}"},
        "feedback": {"rating": 1, "comment": f"Found {word}"},
        "role": {"slug": f"role-{_unique()}", "name": f"Role {word}", "permissions": ["thread.read"]},
        "invitation": {"email": f"{word}-{_unique()}@example.org", "role": "viewer"},
        "key": {"name": f"Key {word}"},
        "integration": {
            "name": f"Integration {word}",
            "kind": "openai",
            "base_url": f"https://{word}.example.org/v1",
            "secrets": {"api_key": f"secret-{word}"},
        },
        "agent-session": {"agent_id": ids.get("agent"), "metadata": {"word": word}},
        "usage": {
            "provider": "openai",
            "model": f"model-{word}",
            "input_tokens": 3,
            "output_tokens": 4,
            "agent_id": ids.get("agent"),
        },
        "budget": {"name": f"Budget {word} {_unique()}", "period": "month", "limit": "10.00"},
        "price-override": {
            "provider": "openai",
            "model": f"model-{word}-{_unique()}",
            "input_price": "1.00",
            "output_price": "2.00",
        },
        "organization": {"name": f"Organization {word}", "slug": f"org-{_unique()}"},
        "membership": {"role": "viewer"},
    }
    return bodies.get(kind, {})


def _some(one: str | None) -> list[str]:
    return [one] if one else []


def _unique() -> str:
    return uuid.uuid4().hex[:8]
