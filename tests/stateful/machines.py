"""How state machines are run: every example in a transaction of its own that is undone."""

from __future__ import annotations

import os
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

STEPS = 25

settings.register_profile(
    "suite", max_examples=8, stateful_step_count=STEPS, derandomize=True, database=None, deadline=None
)
settings.register_profile("long", max_examples=1000, stateful_step_count=60, database=None, deadline=None)


class UndoneMachine(RuleBasedStateMachine):
    """A machine whose rows are gone when it ends. `start` makes what it begins with."""

    def __init__(self) -> None:
        super().__init__()
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self.start()

    def start(self) -> None:
        """Make the first rows."""

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._transaction.__exit__(None, None, None)


def run_machine(machine: type[UndoneMachine], *, cost: int = 1, **members: Any) -> None:
    """Run a machine under the profile that `HYPOTHESIS_PROFILE` names; `members` become members of its class.

    Of a machine whose steps `cost` several requests there are so many times fewer examples.
    """
    profile = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
    examples = max(2, profile.max_examples // cost)
    chosen = settings(profile, max_examples=examples, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(type(machine.__name__, (machine,), members), settings=chosen)
