"""`manage.py serve`: the production server, with the settings of this deployment."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections


class Command(BaseCommand):
    help = "Serve Parley with granian on SERVER_HOST and PORT until it is interrupted."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_missing_static_files()
        refuse_taken_address(settings.SERVER_HOST, settings.SERVER_PORT)
        if settings.MIGRATE_ON_START:
            call_command("migrate", interactive=False)
        connections.close_all()
        self.stdout.flush()
        os.chdir(settings.BASE_DIR)
        # The server takes this process over: it keeps the process id, so signals reach it without a go-between.
        os.execv(sys.executable, [sys.executable, "-m", "config.server"])  # noqa: S606


def refuse_taken_address(host: str, port: int) -> None:
    """Raise CommandError when the address cannot be listened at: granian would share the port with its owner."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        hint = f"Stop what listens there, or choose another port: PORT={port + 1 if port < 65_535 else port - 1}."
        raise CommandError(f"Cannot listen at {host}:{port}: {error.strerror}. {hint}") from None


def refuse_missing_static_files() -> None:
    """Raise CommandError when static files have to be collected first, as they are when an image is built."""
    manifest = getattr(staticfiles_storage, "manifest_name", None)
    if manifest is not None and not Path(settings.STATIC_ROOT, manifest).is_file():
        raise CommandError("The static files are not collected. Run manage.py collectstatic, or set DEBUG=true.")
