"""The second wall: PostgreSQL shows and takes only the rows of the organizations that the code names.

Inside a scope the transaction runs as a role that owns nothing, whose every row is chosen by the policies that
`core.row_policies` keeps. Role and organizations are local to the transaction: nothing of them is left on a connection
that goes back to a pool, be it Django's or PgBouncer's. Outside of any scope the connection's own role acts, for which
there are no policies: authentication, management commands, platform administrators.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase

from core.replicas.routing import scope_aliases, scope_opened

ORGANIZATIONS_SETTING = "parley.organizations"
"""The transaction's own list of organization ids, separated by commas; empty or unset: no organization."""

NO_ROLE = "none"
"""What PostgreSQL calls the role that is in force without `SET ROLE`."""

_open: ContextVar[frozenset[UUID] | None] = ContextVar("open_scope", default=None)


def is_enabled(using: str = DEFAULT_DB_ALIAS) -> bool:
    return bool(settings.ROW_LEVEL_SECURITY) and connections[using].vendor == "postgresql"


def is_scoped() -> bool:
    """Whether the policies choose the rows of the statements that follow."""
    return _open.get() is not None


@contextmanager
def scope(organization_ids: Iterable[UUID]) -> Iterator[None]:
    """Narrow everything inside to the organizations' rows, in one transaction; does nothing unless it is enabled.

    An error rolls back what was done inside. A scope in a scope replaces it until its end. Of what is read lazily
    after the end nothing is narrowed: see `keep_scope`.
    """
    if not is_enabled():
        yield
        return
    wanted = frozenset(organization_ids)
    with _acting_as(settings.ROW_LEVEL_SECURITY_ROLE, wanted):
        yield


@contextmanager
def outside() -> Iterator[None]:
    """Leave the scope for a question that no organization can answer alone; what is found must not be shown as it is.

    For instance whether a person whose address is given has a log-in already.
    """
    if not is_scoped():
        yield
        return
    with _acting_as(NO_ROLE, None):
        yield


def keep_scope(response: HttpResponseBase) -> None:
    """Let a streamed answer, whose rows are read after the view has returned, be made in the scope that is open now.

    Each piece is made in a transaction of its own: none stays open while a client takes its time.
    """
    wanted = _open.get()
    if wanted is not None and isinstance(response, StreamingHttpResponse):
        response.streaming_content = _scoped_pieces(iter(response), wanted)


def _scoped_pieces(chunks: Iterator[bytes], wanted: frozenset[UUID]) -> Iterator[bytes]:
    while True:
        with scope(wanted):
            chunk = next(chunks, None)
        if chunk is None:
            return
        yield chunk


@contextmanager
def _acting_as(role: str, organization_ids: frozenset[UUID] | None) -> Iterator[None]:
    """Act as the role on the primary, and on the replica that the request reads from."""
    with ExitStack() as stack:
        for alias in scope_aliases():
            stack.enter_context(_switched(connections[alias], role, organization_ids))
        token = _open.set(organization_ids)
        try:
            with scope_opened():
                yield
        finally:
            _open.reset(token)


@contextmanager
def _switched(connection: BaseDatabaseWrapper, role: str, organization_ids: frozenset[UUID] | None) -> Iterator[None]:
    is_nested = connection.in_atomic_block
    with transaction.atomic(using=connection.alias):
        before = _switch(connection, role, ",".join(sorted(map(str, organization_ids or ()))))
        yield
        _refuse_aborted(connection)
        if is_nested and not connection.needs_rollback:
            # A rollback to the savepoint takes both settings back, its release does not.
            _switch(connection, *before)


def _switch(connection: BaseDatabaseWrapper, role: str, organizations: str) -> tuple[str, str]:
    """Set role and organizations for the rest of the transaction and return what they were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('role'), current_setting(%s, true), "
            "set_config('role', %s, true), set_config(%s, %s, true)",
            [ORGANIZATIONS_SETTING, role, ORGANIZATIONS_SETTING, organizations],
        )
        row: tuple[Any, ...] = cursor.fetchone()
        return row[0], row[1] or ""


def _refuse_aborted(connection: BaseDatabaseWrapper) -> None:
    """PostgreSQL answers the commit of an aborted transaction with a rollback and no error."""
    is_aborted = connection.connection.info.transaction_status.name == "INERROR"
    if is_aborted and not connection.needs_rollback:
        raise transaction.TransactionManagementError("A statement failed in the scope and its error was passed over.")
