"""What must hold before a server process answers its first request."""

from __future__ import annotations

import logging

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from core import row_policies, row_security
from core.health import unapplied_migrations

log = logging.getLogger(__name__)


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured on any system check error; warn about migrations that are not applied.

    A database that cannot be reached does not stop the start: `/readyz` keeps traffic away until it answers.
    """
    errors = [message for message in run_checks() if message.level >= ERROR]
    if errors:
        raise ImproperlyConfigured("Parley does not start:\n" + "\n".join(str(error) for error in errors))
    try:
        missing = unapplied_migrations()
        faults = row_policies.faults(connection) if row_security.is_enabled() else []
    except DatabaseError as error:
        log.error("The database cannot be reached: %s", error)
        return
    if missing:
        log.warning("Run manage.py migrate, these are not applied: %s", ", ".join(missing))
    for fault in faults:
        log.error("The server is not ready: %s", fault)
