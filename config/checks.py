"""System checks of the deployment's configuration."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from config.env import Env

MINIMUM_PEPPER_LENGTH = 32


@register(Tags.security)
def check_secret_key(**_options: Any) -> list[CheckMessage]:
    """config.E001: the development key is public, so it may only serve with DEBUG on."""
    if settings.DEBUG or settings.SECRET_KEY != settings.DEVELOPMENT_SECRET_KEY:
        return []
    hint = "Set SECRET_KEY, or SECRET_KEY_FILE to the path of a file that holds it, to 50 or more random characters."
    return [Error("DEBUG is off and SECRET_KEY is the development key.", hint=hint, id="config.E001")]


@register
def check_environment(**_options: Any) -> list[CheckMessage]:
    """config.E002: a variable has a value that cannot be used."""
    env: Env = settings.ENV
    return [Error(f"{found.name}: {found.message}", hint=found.hint, id="config.E002") for found in env.problems]


@register(Tags.security)
def check_peppers(**_options: Any) -> list[CheckMessage]:
    """config.E003: a pepper short enough to be guessed protects no key."""
    if all(len(pepper) >= MINIMUM_PEPPER_LENGTH for pepper in settings.API_KEY_PEPPERS):
        return []
    hint = f"Use {MINIMUM_PEPPER_LENGTH} or more random characters for each."
    return [Error("API_KEY_PEPPERS holds a pepper that is too short.", hint=hint, id="config.E003")]


@register(Tags.security)
def check_hosts(**_options: Any) -> list[CheckMessage]:
    """config.W001: a wildcard lets anyone choose the host name that links are built with."""
    if settings.DEBUG or "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        checks.Warning("ALLOWED_HOSTS holds *.", hint="Name the hosts that this server answers for.", id="config.W001")
    ]
