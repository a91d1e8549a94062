"""Checks of values that several resources share."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from rest_framework import serializers

_FORBIDDEN_IN_URL = re.compile(r"[\s\x00-\x20\x7f\\<>\"]")


def validate_web_url(value: str) -> None:
    """Accept `http://` and `https://` addresses with a host and without credentials; raises ValidationError."""
    if _FORBIDDEN_IN_URL.search(value):
        raise serializers.ValidationError("An address holds no white space, quotes or control characters.")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise serializers.ValidationError("This is not a web address.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise serializers.ValidationError("Give an address that starts with https:// or http://.")
    if parts.username is not None or parts.password is not None:
        raise serializers.ValidationError("An address carries no user name and no password.")
