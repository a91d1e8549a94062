"""System checks of the deployment's configuration."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from config.database import POSTGRESQL_ENGINE
from config.env import Env
from core.outgoing import is_well_formed_entry, is_well_formed_exception
from core.secrets import is_well_formed

MINIMUM_PEPPER_LENGTH = 32
MINIMUM_TOKEN_LENGTH = 16


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


@register(Tags.security)
def check_secrets_keys(**_options: Any) -> list[CheckMessage]:
    """config.E004: a key that is not one of Fernet's encrypts nothing."""
    if all(is_well_formed(key) for key in settings.SECRETS_KEYS):
        return []
    hint = "Make each with: openssl rand -base64 32 | tr '+/' '-_'"
    return [Error("SECRETS_KEYS holds a key that is not 32 bytes in URL-safe base64.", hint=hint, id="config.E004")]


@register(Tags.security, deploy=True)
def check_own_secrets_keys(**_options: Any) -> list[CheckMessage]:
    """config.W002: whoever changes SECRET_KEY would lose the key of the integrations' secrets with it."""
    if settings.DEBUG or settings.OWN_SECRETS_KEYS:
        return []
    hint = "Set SECRETS_KEYS and run manage.py rotate_secrets; see docs/integrations.md."
    text = "The secrets of integrations are encrypted with a key derived from SECRET_KEY."
    return [checks.Warning(text, hint=hint, id="config.W002")]


@register(Tags.security)
def check_outgoing_hosts(**_options: Any) -> list[CheckMessage]:
    """config.E005: an entry that names no host would be passed over in silence."""
    wrong = [each for each in settings.OUTGOING_HOSTS if not is_well_formed_entry(each)]
    wrong += [each for each in settings.OUTGOING_PRIVATE_HOSTS if not is_well_formed_exception(each)]
    hint = "OUTGOING_HOSTS takes host, host:port and *.suffix; OUTGOING_PRIVATE_HOSTS takes host:port."
    return [Error(f"{each!r} names no host that could be called.", hint=hint, id="config.E005") for each in wrong]


@register
def check_row_level_security(**_options: Any) -> list[CheckMessage]:
    """config.E006: a wall that the database cannot build must not be believed in."""
    if not settings.ROW_LEVEL_SECURITY or settings.DATABASES["default"]["ENGINE"] == POSTGRESQL_ENGINE:
        return []
    hint = "Unset ROW_LEVEL_SECURITY, or let DATABASE_URL name a PostgreSQL."
    return [Error("ROW_LEVEL_SECURITY is on and the database is not PostgreSQL.", hint=hint, id="config.E006")]


@register(Tags.security)
def check_metrics_token(**_options: Any) -> list[CheckMessage]:
    """config.E007: a token short enough to be guessed guards nothing."""
    if not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= MINIMUM_TOKEN_LENGTH:
        return []
    hint = f"Use {MINIMUM_TOKEN_LENGTH} or more random characters."
    return [Error("METRICS_TOKEN is too short.", hint=hint, id="config.E007")]
