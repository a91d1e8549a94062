"""Which module may import which: floors between apps, layers inside an app, and no cycle anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from tests.architecture.source import APPS, BESIDE, ENTRY_POINTS, NOT_OURS, Import, Module, Project

FLOORS = {
    "config": 7,
    "interop": 6,
    "runtime": 5,
    "transfer": 5,
    "conversations": 4,
    "agents_app": 3,
    "accounts": 2,
    "ledger": 1,
    "core": 0,
}
"""An app imports only apps on strictly lower floors; apps on the same floor are strangers."""

DATA, CHANGES, SURFACES = 1, 2, 3
LAYERS = {
    "models": DATA,
    "querysets": DATA,
    "services": CHANGES,
    "admin": SURFACES,
    "api": SURFACES,
    "management": SURFACES,
}
"""Layer of a module by the first part of its name inside the app.

A module of any other name (`branches`, `keys`, `formats`) stands where its own imports put it: as high as the highest
layer of the app that it reaches, and at the bottom when it reaches none.
"""


def unlisted_folders(project: Project) -> list[str]:
    """Python at the top level belongs to a room of the house, to a folder beside it, or to an entry point."""
    known = {*APPS, *BESIDE, *ENTRY_POINTS}
    found = {module.place.partition("/")[0] for module in project.modules.values()}
    return [f"{name} is not in the plan of the house" for name in sorted(found - known - NOT_OURS)]


def wrong_floors(project: Project) -> list[str]:
    """Every import across apps leads strictly downwards, also inside functions and for types."""
    return [complaint for module in project.product for complaint in _wrong_floors_of(module)]


def _wrong_floors_of(module: Module) -> Iterator[str]:
    own_floor = FLOORS.get(module.app, max(FLOORS.values()) + 1)
    for found in module.imports:
        if found.owner in BESIDE:
            yield f"{module.at(found)} imports {found.owner}, which is no part of the product"
        elif found.owner != module.app and FLOORS.get(found.owner, -1) >= own_floor:
            yield f"{module.at(found)} {module.app} imports {found.target}, which is not below it"


def wrong_layers(project: Project) -> list[str]:
    """Inside an app a lower layer never reaches a higher one; imports for types are free."""
    reach = _LayerReach(project)
    complaints: list[str] = []
    for module in project.product:
        layer = _named_layer(module)
        for found, target in _inner_imports(project, module):
            if layer is not None and reach.of(target.name) > layer:
                complaints.append(f"{module.at(found)} {module.name} reaches above its layer: {target.name}")
    return complaints


def _named_layer(module: Module) -> int | None:
    return LAYERS.get(module.parts[1]) if len(module.parts) > 1 else None


def _inner_imports(project: Project, module: Module) -> Iterator[tuple[Import, Module]]:
    """Imports at run time of other modules of the same app."""
    for found, target in _run_time_imports(project, module):
        if target.app == module.app and target is not module:
            yield found, target


def _run_time_imports(project: Project, module: Module) -> Iterator[tuple[Import, Module]]:
    for found in module.imports:
        target = project.module_of(found.target)
        if target is not None and not found.is_for_typing:
            yield found, target


class _LayerReach:
    """The layer a module stands on: its own by name, or the highest one that it reaches."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, int] = {}

    def of(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = DATA  # ends the recursion in a cycle, which has a rule of its own
            module = self._project.modules[name]
            reached = [self.of(target.name) for _found, target in _inner_imports(self._project, module)]
            self._known[name] = _named_layer(module) or max(reached, default=DATA)
        return self._known[name]


def cycles(project: Project) -> list[str]:
    """No module reaches itself through imports at run time, whichever apps lie between."""
    graph = {
        module.name: {target.name for _found, target in _run_time_imports(project, module)}
        for module in project.modules.values()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ["cycle: " + " → ".join(reversed(error.args[1]))]
    return []
