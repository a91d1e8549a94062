"""What it costs to check an API key: CPU time of this process, with the least and the median of many rounds.

    python -m bench.key_check [--rounds 200] [--iterations 500]

Three things are measured: the check itself (taking the text apart, HMAC, comparison, state, network, the actor); the
whole authentication with its query, on the database of `DATABASE_URL`; and the decision of a throttle. Everything is
made in a transaction that is rolled back. The database needs its migrations; one in memory gets them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402  needs the settings
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.key_checks import actor_of_key, is_right  # noqa: E402
from accounts.key_lookup import find_key  # noqa: E402
from accounts.keys import split_key  # noqa: E402
from accounts.models import Membership, Organization, Role, User  # noqa: E402
from accounts.services import create_api_key  # noqa: E402
from core.logs import client_address  # noqa: E402
from core.throttling import Throttle  # noqa: E402


def measure(act: Callable[[], Any], *, rounds: int, iterations: int) -> list[float]:
    """Return microseconds of CPU for one call, one number a round."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(iterations):
            act()
        found.append((time.process_time() - started) / iterations * 1e6)
    return found


def tell(name: str, found: list[float]) -> None:
    sys.stdout.write(f"{name:44} min {min(found):8.1f} µs   median {statistics.median(found):8.1f} µs\n")


def run(rounds: int, iterations: int) -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        call_command("migrate", verbosity=0)
    with transaction.atomic():
        cases = _keys()
        for name, text in cases.items():
            _measure_key(name, text, rounds, iterations, timezone.now())
        _measure_throttle(rounds, iterations)
        transaction.set_rollback(True)


def _keys() -> dict[str, str]:
    """Texts of keys by what they are."""
    organization = Organization.objects.create(slug="bench-key-check", name="Bench")
    user = User.objects.create(username="bench-key-check")
    role = Role.objects.built_in().get(slug="developer")
    Membership.objects.create(organization=organization, user=user, role=role)
    bounds: dict[str, Any] = {
        "permissions": ["thread.read", "message.read", "message.create"],
        "allowed_networks": ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"],
    }
    return {
        "service": create_api_key(organization=organization, name="service")[1],
        "personal, narrowed, from networks": create_api_key(
            organization=organization, name="personal", user=user, **bounds
        )[1],
    }


def _measure_key(name: str, text: str, rounds: int, iterations: int, now: Any) -> None:
    token = client_address.set("192.0.2.7")
    prefix = text.split("_")[1]
    key = find_key(prefix)
    assert key is not None

    def check() -> None:
        parts = split_key(text)
        assert parts is not None
        assert is_right(key, parts[1])
        assert key.refusal(address=client_address.get(), now=now) is None
        key.actor()

    actor_of_key(text, now=now)
    tell(f"check alone ({name})", measure(check, rounds=rounds, iterations=iterations))
    tell(
        f"with its query ({name})",
        measure(lambda: actor_of_key(text, now=now), rounds=rounds, iterations=max(1, iterations // 10)),
    )
    tell(
        f"query alone ({name})",
        measure(lambda: find_key(prefix), rounds=rounds, iterations=max(1, iterations // 10)),
    )
    client_address.reset(token)


def _measure_throttle(rounds: int, iterations: int) -> None:
    throttle = Throttle()
    tell("throttle, let through", measure(lambda: throttle.wait("k", 10**9), rounds=rounds, iterations=iterations))
    tell("throttle, refused", measure(lambda: throttle.wait("r", 1), rounds=rounds, iterations=iterations))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--iterations", type=int, default=500)
    options = parser.parse_args()
    run(options.rounds, options.iterations)


if __name__ == "__main__":
    main()
