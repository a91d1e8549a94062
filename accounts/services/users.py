"""People: their log-ins. What they may do somewhere is a membership's."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models import User
from core.access import Actor
from core.errors import Conflict, DomainError, NotFound
from ledger.services import change_of, record, subject_of

PASSWORD_BYTES = 15


class UserConflict(Conflict):
    """The name or the e-mail address belongs to somebody; which of the two is not told."""

    code = "user_exists"

    def __init__(self) -> None:
        super().__init__("An account with this name or this e-mail address is there already.")


class InvalidUser(DomainError):
    """The name or the e-mail address cannot be used."""

    code = "invalid_user"


def make_password() -> str:
    """Return a random password of 20 characters."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


@transaction.atomic
def create_user(
    *,
    actor: Actor | None,
    username: str,
    password: str,
    email: str = "",
    is_staff: bool = False,
    is_superuser: bool = False,
    now: datetime | None = None,
) -> User:
    """Create a person who logs in with the name or the e-mail address. Raises `InvalidUser`, `UserConflict`.

    Without an `actor` nobody is told about it in the audit trail: the caller writes that down with
    `record_new_user`, once there is somebody to name.
    """
    user = User(
        username=User.normalize_username(username),
        email=BaseUserManager.normalize_email(email),
        is_staff=is_staff,
        is_superuser=is_superuser,
        date_joined=now or timezone.now(),
    )
    user.set_password(password)
    insert_user(user)
    if actor is not None:
        record_new_user(actor=actor, user=user, now=now)
    return user


@transaction.atomic
def insert_user(user: User) -> None:
    """Store a new person, whose password is set. Raises `InvalidUser`, `UserConflict`."""
    _check(user)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise UserConflict from None


@transaction.atomic
def update_user(*, actor: Actor, user_id: UUID, changes: dict[str, Any], now: datetime | None = None) -> User:
    """Change names, the e-mail address and the switches of a person.

    Raises `NotFound`, `InvalidUser`, `UserConflict`.
    """
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound
    before, after = change_of(user, changes)
    for name, value in changes.items():
        setattr(user, name, value)
    _check(user)
    try:
        with transaction.atomic():
            user.save(update_fields=list(changes))
    except IntegrityError:
        raise UserConflict from None
    record(actor=actor, action="user.updated", subject=subject_of(user), before=before, after=after, now=now)
    return user


def record_new_password(*, actor: Actor, user: User) -> None:
    """Write down that a person has another password from now on, and nothing about it."""
    record(actor=actor, action="user.password_changed", subject=subject_of(user))


def record_new_user(*, actor: Actor, user: User, now: datetime | None = None) -> None:
    """Write the new person into the audit trail of the actor's organization."""
    after = {name: getattr(user, name) for name in ("username", "email", "is_staff", "is_superuser")}
    record(actor=actor, action="user.created", subject=subject_of(user), after=after, now=now)


def _check(user: User) -> None:
    try:
        User.username_validator(user.username)
        if user.email:
            validate_email(user.email)
    except ValidationError as error:
        raise InvalidUser(" ".join(error.messages)) from None
    if len(user.username) > 150 or len(user.email) > 254:
        raise InvalidUser("A name has 150 characters at most, an e-mail address 254.")
    if _is_taken(user):
        raise UserConflict


def _is_taken(user: User) -> bool:
    """Nobody logs in with a name that is somebody else's e-mail address, or the other way round."""
    people = User.objects.annotate(lower_name=Lower("username"), lower_email=Lower("email"))
    taken = Q(username=user.username) | Q(lower_email=Lower(Value(user.username)))
    if user.email:
        taken |= Q(lower_name=Lower(Value(user.email))) | Q(lower_email=Lower(Value(user.email)))
    return people.filter(taken).exclude(pk=user.pk).exists()
