"""`flush` that reaches the tables which hang on the models' tables without being models."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        # The search index refers to threads; PostgreSQL truncates a table only together with those that refer to it.
        super().handle(**{**options, "allow_cascade": True})
