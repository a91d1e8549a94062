"""What an integration may hold. No complaint repeats a value: it might be a secret in the wrong place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rest_framework import serializers

from core.outgoing import OutgoingRefused, check_web_address
from core.secrets import SecretText
from core.validators import validate_web_url

MAX_SETTINGS_LENGTH = 65_536
MAX_SECRETS = 50
MAX_SECRET_LENGTH = 16_384
MAX_SECRETS_LENGTH = 65_536
"""Characters of all secrets of one integration together."""

_SECRET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}", re.ASCII)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_SECRET_PARTS = (
    *("apikey", "accesskey", "accountkey", "authkey", "encryptionkey", "privatekey", "sharedkey", "signingkey"),
    *("authorization", "credential", "passphrase", "passwd", "password", "secret"),
)
_SECRET_WORDS = frozenset({"auth", "bearer", "cookie", "cookies", "pwd"})
"""Words that name a secret where they stand last."""

_PLAIN_TOKENS = frozenset({"bos", "end", "eos", "mask", "max", "min", "pad", "sep", "start", "stop", "unk"})
"""Words that make a `token` behind them one of a model's vocabulary, or a number of such."""

_SECRET_PARAMETERS = frozenset({"auth", "code", "key", "sig", "signature"})
"""Names of query parameters that hold secrets besides the names that do so everywhere."""


def names_a_secret(name: str) -> bool:
    """Whether something of this name is a secret: `api_key`, `X-Auth-Token`, `clientSecret`; `max_tokens` is none."""
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    is_token = joined.endswith("token") and not _PLAIN_TOKENS.intersection(words)
    return is_token or bool(_SECRET_WORDS.intersection(words[-1:])) or any(part in joined for part in _SECRET_PARTS)


def validate_settings(value: Any) -> None:
    """Accept a JSON object of bounded size in which nothing has the name of a secret; raises ValidationError."""
    if not isinstance(value, dict):
        raise serializers.ValidationError("Give a JSON object.")
    if len(json.dumps(value, ensure_ascii=False)) > MAX_SETTINGS_LENGTH:
        raise serializers.ValidationError(f"Settings take {MAX_SETTINGS_LENGTH} characters of JSON at most.")
    if found := sorted({name for name in _names_in(value) if names_a_secret(name)}):
        message = "Settings are shown to everybody who may see the integration: put this into `secrets`."
        raise serializers.ValidationError({name: [message] for name in found})


def _names_in(value: Any) -> Iterator[str]:
    """Yield the names of all members, inner ones too; the gate has bounded the depth."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _names_in(inner)


def validate_base_url(value: str) -> None:
    """Accept a web address that is public at first sight and carries no secret; raises ValidationError."""
    validate_web_url(value)
    try:
        check_web_address(value)
    except OutgoingRefused as refusal:
        raise serializers.ValidationError(str(refusal)) from None
    parts = urlsplit(value)
    names = [name for name, _value in parse_qsl(parts.query, keep_blank_values=True)]
    if parts.fragment or any(names_a_secret(name) or name.lower() in _SECRET_PARAMETERS for name in names):
        raise serializers.ValidationError("An address that holds a secret belongs into `secrets`, under the name url.")


def read_secrets(value: Any) -> dict[str, SecretText | None]:
    """Return named texts, None for one that is to be removed; raises ValidationError."""
    if not isinstance(value, dict):
        raise serializers.ValidationError("Give a JSON object of names and texts.")
    if len(value) > MAX_SECRETS:
        raise serializers.ValidationError(f"Give {MAX_SECRETS} secrets at most.")
    if not all(isinstance(name, str) and _SECRET_NAME.fullmatch(name) for name in value):
        raise serializers.ValidationError(
            "A name is a letter and up to 99 letters, digits, underscores, hyphens and points."
        )
    return {name: _read_secret(name, text) for name, text in value.items()}


def _read_secret(name: str, text: Any) -> SecretText | None:
    if text is None:
        return None
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_SECRET_LENGTH:
        message = f"Give a text of 1 to {MAX_SECRET_LENGTH} characters, or null to remove it."
        raise serializers.ValidationError({name: [message]})
    if name == "url":
        _validate_secret_url(text)
    return SecretText(text)


def _validate_secret_url(text: str) -> None:
    try:
        validate_web_url(text)
        check_web_address(text)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"url": error.detail}) from None
    except OutgoingRefused:
        raise serializers.ValidationError({"url": ["This is no public web address."]}) from None
