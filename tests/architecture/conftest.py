"""Small houses with a fault in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from tests.architecture.source import Project

Build = Callable[..., Project]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Write files given as `{place: text}` and return the project they make up."""

    def write(files: dict[str, str]) -> Project:
        for place, text in files.items():
            path = tmp_path / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        return Project(tmp_path)

    return write
