"""Changes to integrations. Their secrets come in as texts, are stored as a ciphertext, and never go out again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.debug import sensitive_variables

from agents_app.models import IntegrationConfig
from agents_app.validators import MAX_SECRETS, MAX_SECRETS_LENGTH
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, DomainError
from core.ids import uuid7
from core.preconditions import ANY_VERSION, Precondition
from core.secrets import SecretText, seal
from ledger.services import change_of, record, subject_of

Secrets = Mapping[str, SecretText | None]
"""Texts by name; None removes one."""

CIPHER_COLUMNS = frozenset({"secrets", "secrets_key_id"})
"""What an audit entry never holds."""


class IntegrationConflict(Conflict):
    """The slug or the id belongs to another integration."""

    code = "integration_exists"


class TooManySecrets(DomainError):
    """The secrets of one integration are more, or longer, than is kept."""

    def __init__(self) -> None:
        limits = f"{MAX_SECRETS} secrets, {MAX_SECRETS_LENGTH} characters together"
        super().__init__("See errors for the reason.", errors={"secrets": [f"An integration keeps {limits}."]})


@transaction.atomic
def create_integration(
    *, actor: Actor, fields: Mapping[str, Any], secrets: Secrets | None = None, now: datetime | None = None
) -> IntegrationConfig:
    """Create an integration; without a slug one is made from the name. Raises `IntegrationConflict`."""
    moment = now or timezone.now()
    row = IntegrationConfig(organization_id=actor.organization_id, created_at=moment, updated_at=moment, **fields)
    columns = sealed_columns(row, secrets or {})
    for name, value in columns.items():
        setattr(row, name, value)
    row.slug = row.slug or _free_slug(actor, row.name)
    with _unlike_others("An integration with this slug or id is there already."):
        row.save(force_insert=True)
    after = {**fields, "slug": row.slug, "secret_names": row.secret_names}
    record(actor=actor, action="integration.created", subject=subject_of(row), after=after, now=moment)
    return row


@transaction.atomic
def update_integration(
    *,
    actor: Actor,
    integration_id: UUID,
    changes: Mapping[str, Any],
    secrets: Secrets | None = None,
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> IntegrationConfig:
    """Change an integration; of its secrets those named here alone.

    Raises `NotFound`, `VersionMismatch`, `IntegrationConflict`, `TooManySecrets`, `UnreadableSecrets`.
    """
    moment = now or timezone.now()
    row = lock_row(IntegrationConfig.objects.visible_to(actor).active(), integration_id, precondition)
    values = {**changes, **sealed_columns(row, secrets or {})}
    told = {name: value for name, value in values.items() if name not in CIPHER_COLUMNS}
    before, after = change_of(row, told)
    if secrets:
        after["changed_secrets"] = sorted(secrets)
    with _unlike_others("Another integration has this slug."):
        save_changes(row, values, now=moment)
    subject = subject_of(row)
    record(actor=actor, action="integration.updated", subject=subject, before=before, after=after, now=moment)
    return row


@transaction.atomic
def trash_integration(
    *, actor: Actor, integration_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Move an integration to the trash. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    row = lock_row(IntegrationConfig.objects.visible_to(actor).active(), integration_id, precondition)
    save_changes(row, {"trashed_at": moment}, now=moment)
    record(actor=actor, action="integration.deleted", subject=subject_of(row), now=moment)


@transaction.atomic
def restore_integration(
    *, actor: Actor, integration_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> IntegrationConfig:
    """Bring an integration back with its secrets. Raises `NotFound`, `IntegrationConflict` when its slug is taken."""
    moment = now or timezone.now()
    row = lock_row(IntegrationConfig.objects.visible_to(actor).in_trash(), integration_id, precondition)
    with _unlike_others("Another integration has taken the slug; rename that one first."):
        save_changes(row, {"trashed_at": None}, now=moment)
    record(actor=actor, action="integration.restored", subject=subject_of(row), now=moment)
    return row


@sensitive_variables()
def sealed_columns(row: IntegrationConfig, secrets: Secrets) -> dict[str, Any]:
    """Return the columns that hold the row's secrets with some changed; nothing when none is named.

    Where every old secret is replaced or removed the old ciphertext is not read, so that a lost key is no dead end.
    """
    if not secrets:
        return {}
    is_replaced = set(row.secret_names) <= set(secrets)
    merged = {**({} if is_replaced else row.open_secrets()), **secrets}
    kept = {name: text for name, text in merged.items() if text is not None}
    if len(kept) > MAX_SECRETS or sum(map(len, kept.values())) > MAX_SECRETS_LENGTH:
        raise TooManySecrets
    if not kept:
        return {"secrets": "", "secrets_key_id": "", "secret_names": []}
    sealed = seal(kept, owner=row.pk)
    return {"secrets": sealed.text, "secrets_key_id": sealed.key_id, "secret_names": sorted(kept)}


@contextmanager
def _unlike_others(message: str) -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise IntegrationConflict(message) from None


def _free_slug(actor: Actor, name: str) -> str:
    slug = slugify(name)[:60] or "integration"
    if IntegrationConfig.objects.visible_to(actor).active().filter(slug=slug).exists():
        return f"{slug}-{uuid7().hex[-12:]}"
    return slug
