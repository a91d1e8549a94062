"""The house as it stands keeps every rule of its plan; `tests/architecture/` shows that each rule bites."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.architecture import arrows, budgets, idioms, tables
from tests.architecture.source import APPS, Project

RULES = [
    arrows.unlisted_folders,
    arrows.wrong_floors,
    arrows.wrong_layers,
    arrows.cycles,
    budgets.long_files,
    budgets.long_functions,
    budgets.tangled_functions,
    idioms.empty_names,
    idioms.environment_reads,
    idioms.project_imports_in_migrations,
    idioms.signals,
    idioms.all_fields,
]

TABLE_RULES = [
    tables.tables_without_tenant,
    tables.changeable_tenants,
    tables.constraints_without_organization,
    tables.organization_not_first,
    tables.fields_with_own_index,
    tables.other_keys,
    tables.references_to_other_tenants,
    tables.generated_names,
    tables.sorted_by_default,
    tables.saving_otherwise,
    tables.stale_exceptions,
]


@pytest.fixture(scope="module")
def house() -> Project:
    return Project()


def _name(rule: Callable[..., object]) -> str:
    return rule.__name__


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_house_keeps_the_rule(house: Project, rule: Callable[[Project], list[str]]) -> None:
    assert rule(house) == []


@pytest.mark.parametrize("rule", TABLE_RULES, ids=_name)
def test_tables_keep_the_rule(rule: Callable[[list[tables.Table]], list[str]]) -> None:
    assert rule(tables.project_tables()) == []


def test_house_has_something_to_look_at(house: Project) -> None:
    built = {module.app for module in house.product}
    assert built >= {"core", "accounts", "agents_app", "conversations", "config", "manage"}
    assert set(arrows.FLOORS) == set(APPS)
    assert len(tables.project_tables()) >= 9
