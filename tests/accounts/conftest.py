"""What the tests of accounts share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts.login_failures import recent_failures


@pytest.fixture(autouse=True)
def nobody_has_to_wait() -> Iterator[None]:
    """Log-ins that fail in one test are not counted in the next."""
    recent_failures.clear()
    yield
    recent_failures.clear()
