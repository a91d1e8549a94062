from __future__ import annotations

from itertools import chain
from typing import Any, ClassVar

import pytest
from django.db import models
from django.db.models.functions import Lower
from django.test.utils import isolate_apps

from core.fields import TenantForeignKey
from core.models import IdentifiedModel, TenantModel
from tests.architecture import tables


@isolate_apps("conversations")
def test_table_without_tenant_is_found() -> None:
    class Note(IdentifiedModel):
        class Meta:
            app_label = "conversations"

    class Remark(TenantModel):
        class Meta:
            app_label = "conversations"

    assert tables.tables_without_tenant([Note, Remark]) == ["conversations.Note belongs to no organization"]


@pytest.mark.parametrize("options", [{"null": True}, {"editable": True}, {"db_index": True}])
@isolate_apps("conversations", "accounts")
def test_changeable_tenant_is_found(options: dict[str, Any]) -> None:
    class Note(TenantModel):
        organization = models.ForeignKey(
            "accounts.Organization", models.PROTECT, **{"db_index": False, "editable": False, **options}
        )

        class Meta:
            app_label = "conversations"

    assert tables.changeable_tenants([Note]) == [
        "conversations.Note.organization is nullable, editable or indexed alone"
    ]


@isolate_apps("conversations")
def test_unique_constraint_and_index_without_organization_are_found() -> None:
    class Note(TenantModel):
        title = models.TextField()

        class Meta:
            app_label = "conversations"
            constraints: ClassVar = [
                models.UniqueConstraint(fields=["title"], name="note_title"),
                models.UniqueConstraint(fields=["title", "organization"], name="note_late"),
                models.UniqueConstraint("organization", Lower("title"), name="note_lower"),
                models.CheckConstraint(condition=~models.Q(title=""), name="note_titled"),
            ]
            indexes: ClassVar = [
                models.Index(fields=["-organization", "title"], name="note_fine"),
                models.Index(Lower("title"), name="note_by_lower"),
            ]

    assert tables.constraints_without_organization([Note]) == ["note_title does not hold the organization"]
    assert tables.organization_not_first([Note]) == [
        "note_title does not start with the organization",
        "note_late does not start with the organization",
        "note_by_lower does not start with the organization",
    ]


@isolate_apps("conversations", "accounts")
def test_index_of_a_field_is_found() -> None:
    class Note(TenantModel):
        author = models.ForeignKey("accounts.User", models.CASCADE)
        word = models.CharField(max_length=9, unique=True)
        plain = models.CharField(max_length=9)

        class Meta:
            app_label = "conversations"

    assert tables.fields_with_own_index([Note]) == [
        "conversations.Note.author has an index of its own",
        "conversations.Note.word has an index of its own",
    ]


@isolate_apps("conversations")
def test_made_up_name_is_found() -> None:
    class Note(TenantModel):
        class Meta:
            app_label = "conversations"
            indexes: ClassVar = [models.Index(fields=["organization", "id"])]

    [complaint] = tables.generated_names([Note])
    assert complaint.endswith("is a made-up name")


@isolate_apps("conversations")
def test_default_order_is_found() -> None:
    class Note(TenantModel):
        class Meta:
            app_label = "conversations"
            ordering: ClassVar = ["id"]

    assert tables.sorted_by_default([Note]) == ["conversations.Note has Meta.ordering"]


@isolate_apps("conversations")
def test_overridden_save_is_found() -> None:
    class Saving(models.Model):
        class Meta:
            abstract = True

        def save(self, *args: Any, **options: Any) -> None:
            super().save(*args, **options)

    class Note(Saving, TenantModel):  # noqa: DJ008  never shown
        class Meta:
            app_label = "conversations"

    assert tables.saving_otherwise([Note]) == ["conversations.Note overrides save()"]


@isolate_apps("conversations", "accounts")
def test_key_that_is_counted_is_found() -> None:
    class Note(TenantModel):
        id = models.BigAutoField(primary_key=True)

        class Meta:
            app_label = "conversations"

    assert tables.other_keys([Note]) == [
        "conversations.Note: id is no UUIDv7",
        "conversations.Note: its key is no UUIDv7",
    ]


@isolate_apps("conversations")
def test_reference_that_may_leave_the_organization_is_found() -> None:
    class Kind(IdentifiedModel):
        class Meta:
            app_label = "conversations"

    class Note(TenantModel):
        kind = models.ForeignKey(Kind, models.CASCADE)
        above = models.ForeignKey("self", models.CASCADE)
        below = TenantForeignKey("self", models.CASCADE)

        class Meta:
            app_label = "conversations"

    assert tables.references_to_other_tenants([Note]) == [
        "conversations.Note.kind is not kept within the organization",
        "conversations.Note.above is not kept within the organization",
    ]


def test_exceptions_that_are_not_needed_are_found() -> None:
    exceptions = [
        *(tables.WITHOUT_TENANT, tables.WITHOUT_ORGANIZATION, tables.ORGANIZATION_NOT_FIRST, tables.INDEXED_FIELDS),
        *(tables.REFERENCES_OUTSIDE, tables.OTHER_KEYS),
    ]
    assert tables.stale_exceptions([]) == [f"{name} is not there any more" for name in sorted({*chain(*exceptions)})]
