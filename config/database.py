"""Turn `DATABASE_URL` into Django's `DATABASES["default"]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import dj_database_url

from config.env import Env

SQLITE_ENGINE = "core.sqlite"
POSTGRESQL_ENGINE = "django.db.backends.postgresql"
SQLITE_TIMEOUT_SECONDS = 30


def database_settings(env: Env, *, base_dir: Path) -> dict[str, Any]:
    """Return the connection settings for the configured database, SQLite under `var/` when none is named.

    An address that cannot be read is noted as a problem of `env` and answered with the default.
    """
    default_url = f"sqlite:///{quote(str(base_dir / 'var' / 'parley.sqlite3'))}"
    url = env.text("DATABASE_URL", default_url)
    try:
        settings: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as error:
        env.note("DATABASE_URL", f"The address cannot be read: {error}.", "See the configuration table in README.md.")
        settings = dict(dj_database_url.parse(default_url))
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        return settings | _sqlite(env)
    if settings["ENGINE"] == POSTGRESQL_ENGINE:
        return settings | _postgresql(env, settings.get("OPTIONS", {}))
    env.note("DATABASE_URL", f"{settings['ENGINE']} is not supported.", "Use sqlite:// or postgresql://.")
    return dict(dj_database_url.parse(default_url)) | _sqlite(env)


def _sqlite(env: Env) -> dict[str, Any]:
    synchronous = env.text("SQLITE_SYNCHRONOUS", "FULL", choices=("FULL", "NORMAL"))
    pragmas = ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", "cache_size=-16000")
    return {
        "ENGINE": SQLITE_ENGINE,
        "CONN_MAX_AGE": None,
        # Test runners that start several processes know only Django's own engine to be in memory by default.
        "TEST": {"NAME": ":memory:"},
        "OPTIONS": {
            "timeout": SQLITE_TIMEOUT_SECONDS,
            "transaction_mode": "IMMEDIATE",
            "init_command": "".join(f"PRAGMA {pragma};" for pragma in pragmas),
        },
    }


def _postgresql(env: Env, options: dict[str, Any]) -> dict[str, Any]:
    """Options of the URL (`sslmode`, `application_name`, …) are handed to libpq; pool sizes have their own settings."""
    pool = {
        "min_size": env.integer("DATABASE_POOL_MIN", 2, minimum=0, maximum=1000),
        "max_size": env.integer("DATABASE_POOL_MAX", 10, minimum=1, maximum=1000),
        "timeout": env.integer("DATABASE_POOL_TIMEOUT", 30, minimum=1, maximum=600),
    }
    if pool["min_size"] > pool["max_size"]:
        env.note("DATABASE_POOL_MIN", "It is larger than DATABASE_POOL_MAX.", "Lower the one or raise the other.")
        pool["min_size"] = pool["max_size"]
    return {
        "ENGINE": POSTGRESQL_ENGINE,
        # A pooled connection goes back after each request; Django refuses a pool with persistent connections.
        "CONN_MAX_AGE": 0,
        # A connection that died with a restart of the server is replaced before a request gets to see it.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "parley", **options, "pool": pool},
    }
