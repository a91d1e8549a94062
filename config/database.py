"""Turn `DATABASE_URL` into Django's `DATABASES["default"]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import dj_database_url

from config.env import Env

SQLITE_ENGINE = "core.sqlite"
POSTGRESQL_ENGINE = "core.postgresql"
DJANGO_SQLITE_ENGINE = "django.db.backends.sqlite3"
DJANGO_POSTGRESQL_ENGINE = "django.db.backends.postgresql"
"""What dj-database-url makes of an address."""

SQLITE_TIMEOUT_SECONDS = 30

DEFAULT_POOL_TIMEOUT_SECONDS = 5
REPLICA_POOL_TIMEOUT_SECONDS = 1
"""A replica that gives no connection within this is passed over: the primary can answer instead."""

ONLY_WHEN_ASKED = 1_000_000_000
"""Executions after which psycopg prepares a statement by itself. `core.fast.statements` asks for it at once."""

LIBPQ_LIMITS = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""How long a server that does not answer any more is waited for: seconds, the last in milliseconds. A statement may run
for longer, since a server that works on one still acknowledges what it is sent."""


def database_settings(env: Env, *, base_dir: Path) -> dict[str, Any]:
    """Return the connection settings for the configured database, SQLite under `var/` when none is named.

    An address that cannot be read is noted as a problem of `env` and answered with the default.
    """
    default_url = f"sqlite:///{quote(str(base_dir / 'var' / 'parley.sqlite3'))}"
    settings = _read(env, "DATABASE_URL", env.text("DATABASE_URL", default_url))
    if settings is None:
        return dict(dj_database_url.parse(default_url)) | _sqlite(env)
    if settings["ENGINE"] == DJANGO_SQLITE_ENGINE:
        return settings | _sqlite(env)
    return settings | _postgresql(settings, _pool(env), _threshold(env))


def replica_settings(env: Env, *, primary: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return `{"replica1": settings, …}` for the addresses in `REPLICA_URLS`, in their order."""
    urls = env.words("REPLICA_URLS")
    if urls and primary["ENGINE"] == SQLITE_ENGINE:
        env.note("REPLICA_URLS", "SQLite has no replicas.", "Unset it, or let DATABASE_URL name a PostgreSQL.")
        return {}
    found: dict[str, dict[str, Any]] = {}
    for number, url in enumerate(urls, 1):
        settings = _read(env, "REPLICA_URLS", url)
        if settings is None:
            continue
        if settings["ENGINE"] == DJANGO_SQLITE_ENGINE:
            env.note("REPLICA_URLS", f"Address {number} names no PostgreSQL.", "Use postgresql:// for each.")
            continue
        pool = primary["OPTIONS"]["pool"] | dict.fromkeys(
            ("timeout", "reconnect_timeout"), REPLICA_POOL_TIMEOUT_SECONDS
        )
        own = _postgresql(settings, pool, primary["OPTIONS"]["prepare_threshold"])
        found[f"replica{number}"] = settings | own | {"TEST": {"MIRROR": "default"}}
    return found


def _read(env: Env, name: str, url: str) -> dict[str, Any] | None:
    """The parts of an address; one that cannot be used is noted."""
    try:
        settings: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as error:
        env.note(name, f"The address cannot be read: {error}.", "See the configuration table in README.md.")
        return None
    if settings["ENGINE"] in (DJANGO_SQLITE_ENGINE, DJANGO_POSTGRESQL_ENGINE):
        return settings
    env.note(name, f"{settings['ENGINE']} is not supported.", "Use sqlite:// or postgresql://.")
    return None


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


def _pool(env: Env) -> dict[str, Any]:
    timeout = env.integer("DATABASE_POOL_TIMEOUT", DEFAULT_POOL_TIMEOUT_SECONDS, minimum=1, maximum=600)
    pool = {
        "min_size": env.integer("DATABASE_POOL_MIN", 2, minimum=0, maximum=1000),
        "max_size": env.integer("DATABASE_POOL_MAX", 10, minimum=1, maximum=1000),
        "timeout": timeout,
        # The pause between two attempts to connect doubles up to this. With the pool's own five minutes a server that
        # was away for a minute would be missed for another one.
        "reconnect_timeout": timeout,
    }
    if pool["min_size"] > pool["max_size"]:
        env.note("DATABASE_POOL_MIN", "It is larger than DATABASE_POOL_MAX.", "Lower the one or raise the other.")
        pool["min_size"] = pool["max_size"]
    return pool


def _threshold(env: Env) -> int | None:
    """psycopg's `prepare_threshold`; None where no statement may be prepared."""
    return ONLY_WHEN_ASKED if env.boolean("DATABASE_PREPARED_STATEMENTS", default=True) else None


def _postgresql(parts: dict[str, Any], pool: dict[str, Any], threshold: int | None) -> dict[str, Any]:
    """Options of the URL (`sslmode`, `application_name`, …) are handed to libpq; pool sizes have their own settings."""
    return {
        "ENGINE": POSTGRESQL_ENGINE,
        # A pooled connection goes back after each request; Django refuses a pool with persistent connections.
        "CONN_MAX_AGE": 0,
        # `core.postgresql` looks at a connection before a request gets it, without a question to the server.
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {
            "application_name": "parley",
            **LIBPQ_LIMITS,
            "prepare_threshold": threshold,
            **parts.get("OPTIONS", {}),
            "pool": pool,
        },
    }
