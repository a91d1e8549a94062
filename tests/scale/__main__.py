"""`python -m tests.scale`: the statements that cut the migrated database of `DATABASE_URL` into shards."""

from __future__ import annotations

import os

import django


def main() -> None:
    from tests.scale.sharding import statements

    print(";\n".join(statements()), end=";\n")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main()
