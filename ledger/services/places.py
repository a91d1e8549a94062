"""Where usage belongs: the rows of floors above that it names, seen through the eyes of the actor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.apps import apps

from core.access import Actor

NAMED_MODELS = {"thread_id": "conversations.Thread", "agent_id": "agents_app.Agent", "domain_id": "accounts.Domain"}
"""By field; this app lies below those of the models, and knows them by name only."""

NOT_THERE = {name: f"There is no such {name.removesuffix('_id')}." for name in NAMED_MODELS}
"""What is said of an id that is not there and of one that somebody else has."""


def domains_of(actor: Actor, name: str, ids: Iterable[UUID | None]) -> dict[UUID, UUID | None]:
    """Return the domain of each row that is there for the actor; the others are missing.

    Rows in the trash count: what was spent on them was spent.
    """
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    rows: Any = apps.get_model(NAMED_MODELS[name])._default_manager.all()
    return dict(rows.visible_to(actor).filter(pk__in=wanted).values_list("pk", rows.domain_path))
