"""`/healthz`: the process answers. `/readyz`: it can also do its work."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from core import row_policies, row_security
from core.metrics import page
from core.storage_faults import was_full_lately

MINIMUM_FREE_BYTES = 64 * 1024 * 1024


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process serves requests; touches no database."""
    return JsonResponse({"status": "ok"})


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, every migration is applied and the disk has room; 503 names what is not so."""
    checks = readiness()
    is_ready = all(outcome == "ok" for outcome in checks.values())
    return JsonResponse(
        {"status": "ok" if is_ready else "unavailable", "checks": checks}, status=200 if is_ready else 503
    )


PROBES = {"/healthz": healthz, "/readyz": readyz}


class ProbeMiddleware:
    """Answers the probes before host names are checked: they ask by address, which `ALLOWED_HOSTS` does not hold.

    So does Prometheus, whose address is answered here as well.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = page.metrics if page.is_served(request.path_info) else PROBES.get(request.path_info.rstrip("/"))
        return self.get_response(request) if probe is None else probe(request)


def readiness() -> dict[str, str]:
    """Return `{check: "ok" or what is wrong}`; messages carry no address and no secret."""
    try:
        count = len(unapplied_migrations())
        wall = _row_security()
    except DatabaseError:
        return {"database": "cannot be reached", "migrations": "unknown", "disk": _disk()}
    migrations = "ok" if count == 0 else f"{count} not applied: run manage.py migrate"
    return {"database": "ok", "migrations": migrations, "disk": _disk(), **wall}


def _row_security() -> dict[str, str]:
    """One check more where the second wall is wanted."""
    if not row_security.is_enabled():
        return {}
    return {"row_security": " ".join(row_policies.faults(connections[DEFAULT_DB_ALIAS])) or "ok"}


def unapplied_migrations() -> list[str]:
    """Return the names of migrations that the default database lacks; raises DatabaseError when it cannot be asked."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def _disk() -> str:
    if was_full_lately():
        return "full: a write was refused"
    settings: dict[str, Any] = connections[DEFAULT_DB_ALIAS].settings_dict
    folder = Path(str(settings["NAME"])).parent
    if connections[DEFAULT_DB_ALIAS].vendor != "sqlite" or not folder.is_dir():
        return "ok"
    return "ok" if shutil.disk_usage(folder).free >= MINIMUM_FREE_BYTES else "less than 64 MiB are free"
