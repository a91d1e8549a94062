"""`manage.py bootstrap`: the first administrator and the first API key of an installation."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.services.bootstrap import FirstAccess, create_first_access
from core.errors import DomainError


class Command(BaseCommand):
    help = "Create an administrator and an API key where they are missing, and print their secrets this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", default="main", metavar="SLUG", help="Made when it is missing.")
        parser.add_argument("--username", default="admin")
        parser.add_argument("--key-name", default="bootstrap", metavar="NAME", help="What the key is for.")

    def handle(self, *args: Any, **options: Any) -> None:
        slug, username, key_name = options["organization"], options["username"], options["key_name"]
        try:
            made = create_first_access(slug=slug, username=username, key_name=key_name)
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write("\n".join(_lines(made, slug=slug, username=username)) + "\n")


def _lines(made: FirstAccess, *, slug: str, username: str) -> list[str]:
    manage = f"{_python()} manage.py"
    address = f"http://{_host()}:{settings.SERVER_PORT}"
    reset = f"as before; reset it: {manage} changepassword {username}"
    another = f"as before; make another: {manage} create_api_key --organization {slug} --name NAME"
    lines = [
        "",
        f"  Parley        {address}/",
        f"  API           {address}/api/docs",
        f"  User          {username}",
        f"  Password      {made.password or reset}",
        f"  API key       {made.api_key or another}",
        f"  Organization  {slug}",
        "",
    ]
    if made.password or made.api_key:
        lines += ["  Keep the new secrets: they are shown this once.", ""]
    return lines


def _host() -> str:
    """What a browser on this machine calls the server by."""
    host: str = settings.SERVER_HOST
    if host in ("0.0.0.0", "::"):  # noqa: S104  compared, not listened at
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _python() -> Path:
    """The interpreter as it is called from the current folder."""
    python = Path(sys.executable)
    return python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
