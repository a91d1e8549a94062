"""Prepare an empty database for a stage; prints the text of the key.

    DATABASE_URL=… python -m tests.faults.founding

One process migrates, founds the organization `acme` and makes it a key that may do everything.
"""

from __future__ import annotations

import os

import django
from django.core.management import call_command


def main() -> None:
    from accounts.services import create_api_key, create_organization

    call_command("migrate", verbosity=0)
    organization = create_organization(slug="acme", name="Acme")
    print(create_api_key(organization=organization, name="faults")[1])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main()
