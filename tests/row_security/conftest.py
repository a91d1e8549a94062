from __future__ import annotations

from tests.api.conftest import shelf
from tests.row_security.stage import no_filter, policies, wall

__all__ = ["no_filter", "policies", "shelf", "wall"]
