"""The two ways of a request, each forced, so that their answers can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest
from django.conf import settings
from rest_framework.serializers import BaseSerializer

from conversations import services
from core.fast.bodies import PlainBody
from core.fast.lists import FastList
from core.pagination import KeysetPagination

IS_POSTGRESQL = settings.DATABASES["default"]["ENGINE"] == "core.postgresql"

database_free = pytest.mark.skipif(IS_POSTGRESQL, reason="asks no database: one pass is enough")
on_postgresql = pytest.mark.skipif(not IS_POSTGRESQL, reason="needs PostgreSQL")


@contextmanager
def long_way() -> Iterator[None]:
    """Nothing is plain: serializers and the ORM do everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FastList, "page", _nothing)
        patch.setattr(PlainBody, "take", _nothing)
        patch.setattr(services, "append_plainly", _nothing)
        yield


@contextmanager
def short_way() -> Iterator[None]:
    """Whatever would take the long way fails the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeysetPagination, "paginate_queryset", _refuse)
        patch.setattr(BaseSerializer, "is_valid", _refuse)
        patch.setattr(services, "append_messages", _refuse)
        yield


def _nothing(*arguments: Any, **named: Any) -> None:
    return None


def _refuse(*arguments: Any, **named: Any) -> NoReturn:
    raise AssertionError("The request took the long way.")
