"""A request that is sent twice has its effect once.

The record of a request is inserted first, on the unique key (organization, key), in the transaction of its effect:
a concurrent twin waits for that row and then answers what the first one answered, and a crash leaves neither the
record nor the effect. Only successful answers are kept; a refused request may be corrected and sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from core.access import Actor
from core.errors import Conflict, DomainError
from core.parsers import read_body
from core.query import parse_uuid
from core.renderers import dump_response

MAX_KEY_LENGTH = 255
KEPT_HEADERS = ("ETag", "Location", "Parley-Replaced-Characters")


class MalformedKey(DomainError):
    """The `Idempotency-Key` header is empty, too long or not printable ASCII."""

    code = "malformed_idempotency_key"
    title = "The idempotency key cannot be used."


class KeyReused(Conflict):
    """The key, or the id the client chose, was used before with another request."""

    code = "idempotency_key_reused"
    title = "The key was used with another request."


@dataclass(frozen=True, slots=True)
class RequestIdentity:
    """What makes two requests the same: the key names them, the fingerprint tells whether they ask for the same."""

    organization_id: UUID
    key: str
    fingerprint: str


def identify(request: Request, actor: Actor) -> RequestIdentity | None:
    """Return the identity of a POST, None when it carries neither an `Idempotency-Key` nor an id of its own.

    Another person, or somebody who sees another domain, does not get the answer that was given to the first; the keys
    of services stand in for each other, so that one can be replaced between two tries.
    """
    key = _key_of(request)
    if key is None:
        return None
    address = f"{request.method} {_unversioned(request.path)}?{request.META.get('QUERY_STRING', '')}"
    asker = f"{actor.user_id} {actor.domain_id}"
    fingerprint = hashlib.sha256(f"{address}\n{asker}\n".encode() + read_body(request)).hexdigest()
    return RequestIdentity(actor.organization_id, key, fingerprint)


def _unversioned(path: str) -> str:
    """One spelling of an address: with or without the version, with or without the trailing slash."""
    return path.replace("/api/v1/", "/api/", 1).rstrip("/")


def _key_of(request: Request) -> str | None:
    header = request._request.META.get("HTTP_IDEMPOTENCY_KEY")
    if header is not None:
        if not 1 <= len(header) <= MAX_KEY_LENGTH or not (header.isascii() and header.isprintable()):
            raise MalformedKey(f"A key is 1 to {MAX_KEY_LENGTH} printable ASCII characters.")
        return f"key:{header}"
    return _client_id(request.data)


def _client_id(data: Any) -> str | None:
    """The id the client chose for the new row; a batch goes by the id of its first message."""
    if isinstance(data, dict) and isinstance(messages := data.get("messages"), list) and messages:
        data = messages[0]
    chosen = data.get("id") if isinstance(data, dict) else None
    try:
        return f"id:{parse_uuid(chosen)}" if isinstance(chosen, str) else None
    except ValueError:
        return None


def answer_once(
    identity: RequestIdentity, effect: Callable[[], Response], *, secret_fields: Sequence[str] = ()
) -> Response:
    """Run `effect` unless its request was answered before; then give that answer again.

    `secret_fields` of the answer are shown by the first one alone: they are kept as null, and so repeated.
    """
    records = apps.get_model(settings.IDEMPOTENCY_MODEL)._default_manager
    with transaction.atomic():
        new = records.model(
            organization_id=identity.organization_id, key=identity.key, fingerprint=identity.fingerprint
        )
        records.bulk_create([new], ignore_conflicts=True)
        record = records.get(organization_id=identity.organization_id, key=identity.key)
        if record.pk != new.pk:
            return _replay(record, identity)
        response = effect()
        _keep(record, response, secret_fields)
    return response


def answer_after(identity: RequestIdentity, effect: Callable[[], Response]) -> Response:
    """Like `answer_once` for an effect that waits for somebody outside and does no harm twice: no transaction is open.

    Twins that come at the same time may both be carried out; both are given the answer that was kept first.
    """
    records = apps.get_model(settings.IDEMPOTENCY_MODEL)._default_manager
    own = {"organization_id": identity.organization_id, "key": identity.key}
    known = records.filter(**own).first()
    if known is not None:
        return _replay(known, identity)
    response = effect()
    with transaction.atomic():
        new = records.model(**own, fingerprint=identity.fingerprint)
        _fill(new, response, ())
        records.bulk_create([new], ignore_conflicts=True)
        record = records.get(**own)
    return response if record.pk == new.pk else _replay(record, identity)


def _keep(record: Any, response: Response, secret_fields: Sequence[str]) -> None:
    _fill(record, response, secret_fields)
    record.save(update_fields=["status", "body", "headers"])


def _fill(record: Any, response: Response, secret_fields: Sequence[str]) -> None:
    data = {**response.data, **dict.fromkeys(secret_fields)} if secret_fields else response.data
    record.status = response.status_code
    record.body = (data if isinstance(data, bytes) else dump_response(data)).decode()
    record.headers = {name: response[name] for name in KEPT_HEADERS if name in response}


def _replay(record: Any, identity: RequestIdentity) -> Response:
    if record.fingerprint != identity.fingerprint:
        raise KeyReused("Send a new key for a new request; nothing has changed.")
    return Response(
        record.body.encode() or None, status=record.status, headers={**record.headers, "Idempotent-Replayed": "true"}
    )
