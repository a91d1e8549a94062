from __future__ import annotations

from tests.architecture.budgets import long_files, long_functions, tangled_functions
from tests.architecture.conftest import Build


def test_file_beyond_its_budget_is_found(build: Build) -> None:
    house = build({"core/short.py": "a = 1\n" * 400, "tests/long.py": "a = 1\n" * 401})
    assert long_files(house) == ["tests/long.py has 401 lines"]


def test_function_beyond_its_budget_is_found(build: Build) -> None:
    body = "    a = 1\n"
    house = build(
        {
            "core/a.py": "@decorated\ndef short():\n" + body * 39,
            "core/b.py": "class A:\n    async def long(self):\n" + ("    " + body) * 40,
        }
    )
    assert long_functions(house) == ["core/b.py:2 long has 41 lines"]


def test_function_beyond_its_complexity_is_found(build: Build) -> None:
    branch = "    if a:\n        a = 0\n"
    house = build({"core/a.py": "def f(a):\n" + branch * 7, "core/b.py": "def g(a):  # noqa: C901\n" + branch * 8})
    [complaint] = tangled_functions(house)
    assert complaint.startswith("core/b.py:1:5: C901 ")
