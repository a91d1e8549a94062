"""`ETag`, `If-Match` and `If-None-Match` over the `version` column of a row (RFC 9110, sections 8.8 and 13.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rest_framework.request import Request

from core.errors import DomainError, PreconditionRequired, VersionMismatch

_TAGS = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*)*')
_TAG = re.compile(r'((?:W/)?)("[^"]*")')


class MalformedPrecondition(DomainError):
    """The header is neither `*` nor a list of quoted entity tags."""

    code = "malformed_precondition"
    title = "The precondition cannot be read."


def etag(version: int) -> str:
    """Return the strong entity tag of a version."""
    return f'"v{version}"'


@dataclass(frozen=True, slots=True)
class Precondition:
    """The versions a change may start from; None stands for any."""

    tags: frozenset[str] | None = None

    def check(self, version: int) -> None:
        """Raise `VersionMismatch` when the row, read under its lock, is at none of the named versions."""
        if self.tags is not None and etag(version) not in self.tags:
            raise VersionMismatch(version)


ANY_VERSION = Precondition()


def if_match(request: Request) -> Precondition:
    """Read `If-Match`. A full replacement (PUT) without it raises `PreconditionRequired`. Weak tags never match."""
    header = request._request.META.get("HTTP_IF_MATCH")
    if header is None:
        if request.method == "PUT":
            raise PreconditionRequired("Send If-Match with the ETag of the version that you replace.")
        return ANY_VERSION
    return ANY_VERSION if header.strip() == "*" else Precondition(_tags(header, weak=False))


def is_unchanged(request: Request, version: int) -> bool:
    """Whether `If-None-Match` already names this version, so that 304 answers."""
    return is_named(request, etag(version))


def is_named(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names this entity tag."""
    header = request._request.META.get("HTTP_IF_NONE_MATCH")
    if header is None:
        return False
    return header.strip() == "*" or tag in _tags(header, weak=True)


def _tags(header: str, *, weak: bool) -> frozenset[str]:
    if not _TAGS.fullmatch(header):
        raise MalformedPrecondition('Write * or entity tags in double quotes, for instance "v3".')
    return frozenset(tag for mark, tag in _TAG.findall(header) if weak or not mark)
