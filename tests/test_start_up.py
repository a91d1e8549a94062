"""What a process loads before it does anything: `manage.py check` is to cost less than a second of the processor."""

from __future__ import annotations

import json

import pytest
from django.conf import settings

from tests.processes import finished, start

HEAVY = {
    "bcrypt": "keys of other systems only",
    "genai_prices": "the price list, a megabyte of it, for a reported usage without a cost",
    "granian": "the server, which runs in a process of its own",
    "httpx2": "comes with the price list",
    "opentelemetry": "tracing, when it is switched on",
    "pydantic": "comes with the price list",
    "sentry_sdk": "crash reports, when they are switched on",
}
"""Packages that cost more to import than they are needed for, with what needs them."""

LOADED = """
import json, os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django
from django.core.management import call_command
django.setup()
call_command("check", verbosity=0)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.skipif(settings.DATABASES["default"]["ENGINE"] != "core.sqlite", reason="it is the same on PostgreSQL")
def test_check_loads_nothing_that_only_few_need() -> None:
    run = finished(start("-c", LOADED, env={"DATABASE_URL": "sqlite:///:memory:"}))

    assert run.returncode == 0, run.stderr
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert loaded & HEAVY.keys() == set()
    assert {"django", "rest_framework", "conversations"} <= loaded
