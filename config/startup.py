"""What must hold before a server process answers its first request."""

from __future__ import annotations

import logging

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

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
    except DatabaseError as error:
        log.error("The database cannot be reached: %s", error)
        return
    if missing:
        log.warning("Run manage.py migrate, these are not applied: %s", ", ".join(missing))
