from __future__ import annotations

import pytest

from tests.architecture.arrows import cycles, unlisted_folders, wrong_floors, wrong_layers
from tests.architecture.conftest import Build


def test_unlisted_folder_is_found(build: Build) -> None:
    house = build({"core/ids.py": "", "billing/models.py": "", "tests/test_a.py": "", "setup.py": "", "manage.py": ""})
    assert unlisted_folders(house) == [
        "billing is not in the plan of the house",
        "setup.py is not in the plan of the house",
    ]


def test_hidden_and_installed_folders_are_passed_over(build: Build) -> None:
    house = build({".venv/lib/a.py": "(", "node_modules/b.py": "(", "core/ids.py": ""})
    assert list(house.modules) == ["core.ids"]


@pytest.mark.parametrize(
    "line",
    [
        "from accounts.models import User",
        "import accounts.models",
        "from accounts import models",
        "def later():\n    from accounts.models import User",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from accounts.models import User",
        "from importlib import import_module\nimport_module('accounts.models')",
        "from django.utils.module_loading import import_string\nimport_string('accounts.models.User')",
    ],
)
def test_import_of_a_higher_floor_is_found(build: Build, line: str) -> None:
    house = build({"core/a.py": line, "accounts/models.py": ""})
    [complaint] = wrong_floors(house)
    assert complaint.startswith(f"core/a.py:{len(line.splitlines())} core imports accounts")


def test_import_of_the_same_floor_is_found_before_the_app_exists(build: Build) -> None:
    house = build({"transfer/a.py": "import runtime.models"})
    assert wrong_floors(house) == ["transfer/a.py:1 transfer imports runtime.models, which is not below it"]


def test_import_of_tests_is_found(build: Build) -> None:
    house = build({"config/a.py": "from tests.client import ApiClient", "tests/client.py": ""})
    assert wrong_floors(house) == ["config/a.py:1 imports tests, which is no part of the product"]


def test_imports_downwards_and_inside_an_app_are_fine(build: Build) -> None:
    house = build(
        {
            "conversations/a.py": "from conversations import b\nfrom core.c import d\nimport agents_app",
            "conversations/b.py": "import django",
            "core/c.py": "",
            "agents_app/__init__.py": "",
            "manage.py": "import config",
            "config/__init__.py": "",
            "tests/test_all.py": "import config, core, conversations",
        }
    )
    assert wrong_floors(house) == []


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("models", "services"),
        ("querysets", "services"),
        ("models", "admin"),
        ("models", "api"),
        ("services", "api"),
        ("services", "management"),
        ("services", "admin"),
    ],
)
def test_import_of_a_higher_layer_is_found(build: Build, lower: str, higher: str) -> None:
    house = build({f"accounts/{lower}.py": f"from accounts.{higher} import x", f"accounts/{higher}/__init__.py": ""})
    assert wrong_layers(house) == [f"accounts/{lower}.py:1 accounts.{lower} reaches above its layer: accounts.{higher}"]


def test_support_module_stands_as_high_as_what_it_imports(build: Build) -> None:
    house = build(
        {
            "accounts/models.py": "def f():\n    from accounts.keys import make",
            "accounts/keys.py": "from . import digests",
            "accounts/digests.py": "from accounts.services.keys import create",
            "accounts/services/keys.py": "import accounts.digests",
        }
    )
    assert wrong_layers(house) == ["accounts/models.py:2 accounts.models reaches above its layer: accounts.keys"]


def test_support_module_below_models_is_fine(build: Build) -> None:
    house = build(
        {
            "conversations/models/message.py": "import conversations.branches, conversations.querysets",
            "conversations/branches.py": "import core.ids",
            "conversations/querysets.py": "if TYPE_CHECKING:\n    from conversations.services import x",
            "conversations/services/__init__.py": "from conversations.models import message",
            "conversations/api/views.py": "from conversations import services",
            "conversations/admin/__init__.py": "from conversations.api import views",
            "core/ids.py": "",
        }
    )
    assert wrong_layers(house) == []


def test_cycle_is_found_across_functions_and_apps(build: Build) -> None:
    house = build(
        {
            "core/a.py": "import core.b",
            "core/b.py": "def f():\n    from config.c import x",
            "config/c.py": "from core.a import y",
        }
    )
    [complaint] = cycles(house)
    assert complaint.startswith("cycle: ")
    assert set(complaint.removeprefix("cycle: ").split(" → ")) == {"core.a", "core.b", "config.c"}


def test_relative_import_makes_a_cycle_too(build: Build) -> None:
    house = build({"core/a/__init__.py": "from . import b", "core/a/b.py": "from .. import a"})
    assert len(cycles(house)) == 1


def test_import_for_types_makes_no_cycle(build: Build) -> None:
    house = build({"core/a.py": "import core.b", "core/b.py": "if TYPE_CHECKING:\n    import core.a"})
    assert cycles(house) == []
