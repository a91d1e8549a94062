"""Rows of every kind whose texts are easy to find where they should not be."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone

from accounts.models import Organization, User
from core.ids import uuid7

CANARY = "canary"


class Aviary:
    """Makes one row of a model for an organization, with those it needs, every text of them beginning with a word.

    Rows are filled by what their columns are, so that a new model joins by itself.
    """

    def __init__(self, organization: Organization, word: str) -> None:
        self.organization = organization
        self.word = word
        self.rows: dict[type[models.Model], Any] = {Organization: organization}

    def row(self, model: type[models.Model]) -> Any:
        if model not in self.rows:
            self.rows[model] = None  # ends the recursion of a model that points at itself
            made = model(**{field.attname: self._value(field) for field in model._meta.concrete_fields})
            model._base_manager.bulk_create([made])
            self.rows[model] = made
        return self.rows[model]

    def _value(self, field: Any) -> Any:
        if field.primary_key:
            return field.get_default() or uuid7()
        if field.attname == "organization_id":
            return self.organization.pk
        if field.is_relation:
            related = self.row(field.related_model)
            return None if related is None else getattr(related, field.target_field.attname)
        if field.choices:
            return field.choices[0][0]
        return self._plain(field)

    def _plain(self, field: models.Field[Any, Any]) -> Any:
        if isinstance(field, models.EmailField):
            return f"{self.word}@example.org"
        if isinstance(field, models.CharField | models.TextField):
            return f"{self.word}-{field.name}"[: field.max_length]
        if isinstance(field, models.JSONField):
            return [self.word] if field.default is list else {self.word: self.word}
        if isinstance(field, models.BinaryField):
            return self.word.encode()
        if field.null or field.has_default():
            return None if field.null else field.get_default()
        return _smallest(field)


def _smallest(field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.DateTimeField):
        return timezone.now()
    if isinstance(field, models.DateField):
        return timezone.now().date()
    return uuid7() if isinstance(field, models.UUIDField) else 1


def registered_models() -> list[type[models.Model]]:
    """The models that the admin shows."""
    return list(admin.site._registry)


def is_personal(model: type[models.Model]) -> bool:
    """People belong to no organization; who sees them is the matter of their own pages."""
    return issubclass(model, AbstractUser) or model is User


def body(response: Any) -> str:
    """What an answer says, headers that name another page included, also where it is streamed."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return f"{response.headers.get('Location', '')}\n{content.decode()}"
