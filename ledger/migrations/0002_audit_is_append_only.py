"""The database itself refuses to change the audit trail; only a chain whose erasure is written down can be removed.

Each trigger's name begins with `append_only_`: `flush`, which empties every table, looks for that name.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django.utils.timezone
from django.db import migrations, models

SQLITE = (
    """
    CREATE TRIGGER append_only_entry_update BEFORE UPDATE ON ledger_auditentry
    BEGIN SELECT RAISE(ABORT, 'ledger_auditentry is append-only'); END
    """,
    """
    CREATE TRIGGER append_only_entry_delete BEFORE DELETE ON ledger_auditentry
    WHEN NOT EXISTS (SELECT 1 FROM ledger_chainerasure WHERE organization_id = OLD.organization_id)
    BEGIN SELECT RAISE(ABORT, 'ledger_auditentry is append-only'); END
    """,
    # INSERT OR REPLACE would delete the row in its way without a word to the trigger above.
    """
    CREATE TRIGGER append_only_entry_insert BEFORE INSERT ON ledger_auditentry
    WHEN EXISTS (SELECT 1 FROM ledger_auditentry WHERE id = NEW.id)
        OR EXISTS (
            SELECT 1 FROM ledger_auditentry WHERE organization_id = NEW.organization_id AND sequence = NEW.sequence
        )
    BEGIN SELECT RAISE(ABORT, 'ledger_auditentry is append-only'); END
    """,
    """
    CREATE TRIGGER append_only_chain_update BEFORE UPDATE ON ledger_auditchain
    WHEN NEW.last_sequence <> OLD.last_sequence + 1 OR NEW.organization_id <> OLD.organization_id
    BEGIN SELECT RAISE(ABORT, 'ledger_auditchain only moves forward'); END
    """,
    """
    CREATE TRIGGER append_only_chain_delete BEFORE DELETE ON ledger_auditchain
    WHEN NOT EXISTS (SELECT 1 FROM ledger_chainerasure WHERE organization_id = OLD.organization_id)
    BEGIN SELECT RAISE(ABORT, 'ledger_auditchain only moves forward'); END
    """,
    """
    CREATE TRIGGER append_only_chain_insert BEFORE INSERT ON ledger_auditchain
    WHEN EXISTS (SELECT 1 FROM ledger_chainerasure WHERE organization_id = NEW.organization_id)
        OR EXISTS (SELECT 1 FROM ledger_auditchain WHERE organization_id = NEW.organization_id)
    BEGIN SELECT RAISE(ABORT, 'ledger_auditchain starts once'); END
    """,
    """
    CREATE TRIGGER append_only_erasure_update BEFORE UPDATE ON ledger_chainerasure
    BEGIN SELECT RAISE(ABORT, 'ledger_chainerasure is append-only'); END
    """,
    """
    CREATE TRIGGER append_only_erasure_delete BEFORE DELETE ON ledger_chainerasure
    BEGIN SELECT RAISE(ABORT, 'ledger_chainerasure is append-only'); END
    """,
    """
    CREATE TRIGGER append_only_erasure_insert BEFORE INSERT ON ledger_chainerasure
    WHEN EXISTS (SELECT 1 FROM ledger_chainerasure WHERE organization_id = NEW.organization_id)
    BEGIN SELECT RAISE(ABORT, 'ledger_chainerasure is append-only'); END
    """,
)

SQLITE_BACK = tuple(
    f"DROP TRIGGER append_only_{table}_{event}"
    for table in ("entry", "chain", "erasure")
    for event in ("update", "delete", "insert")
)

POSTGRESQL = (
    """
    CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE FUNCTION ledger_refuse_unless_erased() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM ledger_chainerasure WHERE organization_id = OLD.organization_id) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION USING
            MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE FUNCTION ledger_refuse_if_erased() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM ledger_chainerasure WHERE organization_id = NEW.organization_id) THEN
            RAISE EXCEPTION USING
                MESSAGE = TG_TABLE_NAME || ' starts once', ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER append_only_entry_update BEFORE UPDATE ON ledger_auditentry
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse()
    """,
    """
    CREATE TRIGGER append_only_entry_delete BEFORE DELETE ON ledger_auditentry
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_unless_erased()
    """,
    """
    CREATE TRIGGER append_only_chain_update BEFORE UPDATE ON ledger_auditchain FOR EACH ROW
    WHEN (NEW.last_sequence <> OLD.last_sequence + 1 OR NEW.organization_id <> OLD.organization_id)
    EXECUTE FUNCTION ledger_refuse()
    """,
    """
    CREATE TRIGGER append_only_chain_delete BEFORE DELETE ON ledger_auditchain
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_unless_erased()
    """,
    """
    CREATE TRIGGER append_only_chain_insert BEFORE INSERT ON ledger_auditchain
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_if_erased()
    """,
    """
    CREATE TRIGGER append_only_erasure_change BEFORE UPDATE OR DELETE ON ledger_chainerasure
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse()
    """,
    *(
        f"""
        CREATE TRIGGER append_only_{name}_truncate BEFORE TRUNCATE ON ledger_{table}
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()
        """
        for name, table in (("entry", "auditentry"), ("chain", "auditchain"), ("erasure", "chainerasure"))
    ),
)

POSTGRESQL_BACK = (
    "DROP FUNCTION ledger_refuse() CASCADE",
    "DROP FUNCTION ledger_refuse_unless_erased() CASCADE",
    "DROP FUNCTION ledger_refuse_if_erased() CASCADE",
)


def guard(apps: Any, schema_editor: Any) -> None:
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def unguard(apps: Any, schema_editor: Any) -> None:
    for statement in POSTGRESQL_BACK if schema_editor.connection.vendor == "postgresql" else SQLITE_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_audit_entries")]

    operations = [
        migrations.CreateModel(
            name="ChainErasure",
            fields=[
                ("organization_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("entries", models.PositiveBigIntegerField(help_text="How many entries the chain had.")),
                (
                    "last_hash",
                    models.CharField(help_text="What the last of them was sealed with.", max_length=64),
                ),
                ("erased_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "base_manager_name": "objects",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("organization_id", UUID(int=0)), _negated=True),
                        name="chain_erasure_not_platform",
                    )
                ],
            },
        ),
        migrations.AlterModelOptions(
            name="auditentry", options={"base_manager_name": "objects", "verbose_name_plural": "audit entries"}
        ),
        migrations.RunPython(guard, unguard),
    ]
