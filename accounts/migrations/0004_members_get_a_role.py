"""Who was a member before there were roles could do everything, and goes on to: such members become owners."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import migrations


def give_members_a_role(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    memberships = apps.get_model("accounts", "Membership").objects.using(alias).filter(role=None)
    if not memberships.exists():
        return
    # What the role may do is filled in by the synchronization that follows every migration.
    owner, _made = (
        apps.get_model("accounts", "Role")
        .objects.using(alias)
        .get_or_create(organization=None, slug="owner", defaults={"id": uuid.uuid4(), "name": "Owner"})
    )
    memberships.update(role=owner)


def take_roles_away(apps: Any, schema_editor: Any) -> None:
    apps.get_model("accounts", "Membership").objects.using(schema_editor.connection.alias).update(role=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_keys_and_members_are_narrowed")]

    operations = [migrations.RunPython(give_members_a_role, take_roles_away)]
