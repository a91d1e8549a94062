from __future__ import annotations

import pytest

from tests.architecture.conftest import Build
from tests.architecture.idioms import (
    all_fields,
    empty_names,
    environment_reads,
    project_imports_in_migrations,
    signals,
)


@pytest.mark.parametrize("place", ["core/utils.py", "core/helpers/a.py", "tests/text_helper.py", "core/common.py"])
def test_empty_module_name_is_found(build: Build, place: str) -> None:
    assert empty_names(build({place: ""})) == [f"{place} is named by nothing that it holds"]


def test_empty_class_name_is_found(build: Build) -> None:
    house = build({"core/a.py": "class ThreadHelper: ...\nclass Utilization: ..."})
    assert empty_names(house) == ["core/a.py:1 ThreadHelper ends in an empty word"]


@pytest.mark.parametrize(
    "text",
    [
        "import os\nx = os.environ['A']",
        "import os\nx = os.getenv('A')",
        "import os\nos.environ.setdefault('A', 'b')",
        "import django\nfrom os import environ",
        "import django\nfrom os import getenv as g",
    ],
)
def test_environment_read_outside_the_settings_is_found(build: Build, text: str) -> None:
    house = build({"accounts/a.py": text, "config/wsgi.py": text, "config/env.py": text, "tests/a.py": text})
    assert environment_reads(house) == [
        "accounts/a.py:2 reads the environment",
        "config/wsgi.py:2 reads the environment",
    ]


def test_entry_point_may_name_the_settings(build: Build) -> None:
    text = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')"
    house = build({"manage.py": text, "config/asgi.py": text, "core/a.py": text})
    assert environment_reads(house) == ["core/a.py:2 reads the environment"]


def test_project_import_in_a_migration_is_found(build: Build) -> None:
    text = "from django.db import migrations\ndef f():\n    from core.ids import uuid7"
    house = build({"accounts/migrations/0001_a.py": text, "accounts/a.py": text})
    assert project_imports_in_migrations(house) == ["accounts/migrations/0001_a.py:3 imports core.ids.uuid7"]


def test_migration_may_be_written_in_online_operations(build: Build) -> None:
    text = "from core.online_migrations import AddIndexOnline\nfrom core.online_migrations_of_old import b"
    house = build({"accounts/migrations/0001_a.py": text})
    assert project_imports_in_migrations(house) == [
        "accounts/migrations/0001_a.py:2 imports core.online_migrations_of_old.b"
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("from django.dispatch import receiver", "core/a.py:1 imports django.dispatch.receiver"),
        (
            "from django.db.models.signals import post_save",
            "core/a.py:1 imports django.db.models.signals.post_save",
        ),
        ("models.signals.post_save.connect(f)", "core/a.py:1 connects a receiver"),
    ],
)
def test_signal_receiver_is_found(build: Build, text: str, complaint: str) -> None:
    assert signals(build({"core/a.py": text})) == [complaint]


def test_connecting_to_a_database_is_no_signal(build: Build) -> None:
    assert signals(build({"transfer/a.py": "import sqlite3\nsqlite3.connect('a')"})) == []


def test_all_fields_are_found(build: Build) -> None:
    house = build({"core/a.py": "class A:\n    class Meta:\n        fields = '__all__'\n        exclude = ()"})
    assert all_fields(house) == ["core/a.py:3 names no fields"]
