"""Where a request may go: the operator's list of hosts, and no private address but those the operator names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from core.outgoing.addresses import Address, is_never_called, is_public, literal_address

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_HOST_LENGTH = 253

_FORBIDDEN = re.compile(r"[^\x21-\x7e]|[\\\"<>]")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LISTED = re.compile(r"(?:(?P<scheme>https?)://)?(?P<wildcard>\*\.)?(?P<host>[^\s:/*]+)(?::(?P<port>[0-9]{1,5}))?")
_EXCEPTION = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/*\[\]]+):(?P<port>[0-9]{1,5})")
_PRIVATE_SUFFIXES = ("localhost", "local", "internal", "home.arpa", "localdomain")


class OutgoingRefused(Exception):
    """The request may not be sent. The message says why and holds nothing of the request but its host."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A checked web address. `target` is what the request line says; `may_be_private` where the operator named it."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    may_be_private: bool

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"

    def check_address(self, address: Address) -> None:
        """Raise `OutgoingRefused` for an address that this destination may not lead to."""
        if not is_public(address) and (is_never_called(address) or not self.may_be_private):
            raise OutgoingRefused(f"{self.host} leads to an address that is not public.")


def check_web_address(url: str) -> Destination:
    """Read an address that is to be kept; raises `OutgoingRefused` for one that is private at first sight.

    The list of hosts and what a name resolves to are matters of the moment in which a request is sent.
    """
    destination = _read(url)
    literal = _literal(destination.host)
    if literal is not None:
        destination.check_address(literal)
    elif not destination.may_be_private and _has_private_name(destination.host):
        raise OutgoingRefused(f"{destination.host} is a name for private addresses.")
    return destination


def destination_of(url: str) -> Destination:
    """Read an address that a request goes to now; raises `OutgoingRefused` unless the operator allows its host."""
    destination = check_web_address(url)
    if destination.may_be_private or any(_permits(entry, destination) for entry in settings.OUTGOING_HOSTS):
        return destination
    place = f"{destination.scheme}://{destination.host_header}"
    raise OutgoingRefused(f"{place} is not on the list OUTGOING_HOSTS of this server.")


def is_well_formed_entry(entry: str) -> bool:
    """Whether an entry of `OUTGOING_HOSTS` is `host`, `host:port` or `*.suffix`, with or without a scheme."""
    found = _LISTED.fullmatch(entry)
    return found is not None and _is_host(found["host"]) and _is_port(found["port"] or "443")


def is_well_formed_exception(entry: str) -> bool:
    """Whether an entry of `OUTGOING_PRIVATE_HOSTS` is `host:port`."""
    found = _EXCEPTION.fullmatch(entry)
    return found is not None and _is_port(found["port"]) and _is_host(found["host"].strip("[]"))


def _read(url: str) -> Destination:
    if _FORBIDDEN.search(url):
        raise OutgoingRefused("An address holds printable ASCII characters alone.")
    parts = _split(url)
    host = (parts.hostname or "").lower().rstrip(".")
    port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    if not _is_host(host) or not 0 < port < 2**16:
        raise OutgoingRefused("The address names no host and port that could be called.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    may_be_private = any(_names(entry, host, port) for entry in settings.OUTGOING_PRIVATE_HOSTS)
    return Destination(parts.scheme, host, port, target, may_be_private)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise OutgoingRefused("This is not a web address.") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise OutgoingRefused("An address starts with https:// or http://.")
    if parts.username is not None or parts.password is not None:
        raise OutgoingRefused("An address carries no user name and no password.")
    return parts


def _literal(host: str) -> Address | None:
    try:
        return literal_address(host)
    except ValueError as error:
        raise OutgoingRefused(str(error)) from None


def _is_host(host: str) -> bool:
    if ":" in host:
        return "%" not in host
    return len(host) <= MAX_HOST_LENGTH and _HOST.fullmatch(host.lower().rstrip(".")) is not None


def _is_port(text: str) -> bool:
    return 0 < int(text) < 2**16


def _has_private_name(host: str) -> bool:
    return "." not in host or any(host == suffix or host.endswith(f".{suffix}") for suffix in _PRIVATE_SUFFIXES)


def _permits(entry: str, destination: Destination) -> bool:
    found = _LISTED.fullmatch(entry)
    if found is None:
        return False
    scheme = found["scheme"] or "https"
    port = int(found["port"]) if found["port"] else DEFAULT_PORTS[scheme]
    if (scheme, port) != (destination.scheme, destination.port):
        return False
    host = found["host"].lower().rstrip(".")
    return destination.host.endswith(f".{host}") if found["wildcard"] else destination.host == host


def _names(entry: str, host: str, port: int) -> bool:
    found = _EXCEPTION.fullmatch(entry)
    return found is not None and (found["host"].strip("[]").lower().rstrip("."), int(found["port"])) == (host, port)
