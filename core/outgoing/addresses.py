"""Which network addresses belong to the public internet, in whatever spelling they come."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_NUMERIC_LABEL = re.compile(r"(?:[0-9]+|0[xX][0-9a-fA-F]*)")

_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ip_network("2000::/3")

_NEVER = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds keep their metadata
        "192.0.0.0/24",
        "192.88.99.0/24",
        "224.0.0.0/3",
        "100.100.100.200/32",  # metadata of Alibaba Cloud
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "fd00:ec2::254/128",  # metadata of Amazon
        "fd20:ce::254/128",  # metadata of Google
    )
)
"""What no exception of the operator opens."""

_NOT_PUBLIC = tuple(
    ip_network(block)
    for block in (
        *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        *("192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("2001::/23", "2001:db8::/32", "3fff::/20"),
    )
)


def literal_address(host: str) -> Address | None:
    """Return the address that a host name spells out, None for a name.

    Raises ValueError for the spellings that only some resolvers take: 2130706433, 0x7f.1, 127.1, 017.0.0.1.
    """
    try:
        return ip_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        if ":" in host or _NUMERIC_LABEL.fullmatch(last):
            raise ValueError("Write the address in its usual form.") from None
        return None


def is_public(address: Address) -> bool:
    """Whether everybody on the internet means the same machine by it; a wrapped IPv4 address is judged itself."""
    inner = unwrapped(address)
    if isinstance(inner, IPv6Address) and inner not in _GLOBAL_UNICAST:
        return False
    return inner.is_global and not _lies_in(inner, _NOT_PUBLIC) and not is_never_called(inner)


def is_never_called(address: Address) -> bool:
    """Whether it is link-local, multicast, unspecified, reserved, or where a cloud keeps its credentials."""
    return _lies_in(unwrapped(address), _NEVER)


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one that maps, translates or tunnels it."""
    if not isinstance(address, IPv6Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or _compatible(address)


def _compatible(address: IPv6Address) -> Address:
    """The old form ::a.b.c.d; :: and ::1 are addresses of their own."""
    return IPv4Address(int(address)) if 1 < int(address) < 2**32 else address


def _lies_in(address: Address, blocks: tuple[object, ...]) -> bool:
    return any(address in block for block in blocks)  # type: ignore[operator]
