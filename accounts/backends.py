"""Who somebody is that logs in with a name or an e-mail address and a password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Q, Value
from django.db.models.functions import Lower
from django.http import HttpRequest

from accounts.models import User

MAX_NAME_LENGTH = 254


def people_called(name: str) -> list[User]:
    """Return whom a name may mean: the one with that username and the one with that e-mail address, two at most."""
    if not name or len(name) > MAX_NAME_LENGTH or "\x00" in name:
        return []
    people = User.objects.annotate(lower_email=Lower("email"))
    return list(people.filter(Q(username=name) | Q(lower_email=Lower(Value(name)))).order_by("id")[:2])


class NameOrEmailBackend(ModelBackend):
    """Log-in by username or e-mail address, the latter in any case.

    Where a username is somebody else's e-mail address, the password decides; one that fits both lets nobody in. An
    unknown name costs as much as a wrong password.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        name = kwargs.get(User.USERNAME_FIELD) if username is None else username
        if name is None or password is None:
            return None
        people = people_called(name)
        if not people:
            User().set_password(password)
            return None
        fitting = [person for person in people if person.check_password(password)]
        if len(fitting) != 1 or not self.user_can_authenticate(fitting[0]):
            return None
        return fitting[0]
