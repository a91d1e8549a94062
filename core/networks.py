"""Network addresses of callers: who is inside of which network."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAPPED = IPv6Network("::ffff:0:0/96")
IPV6_SITE_BITS = 64
"""What one subscriber has at least; all addresses of it are one caller."""


def parse_address(text: str) -> Address:
    """Return the address, IPv4 written as IPv6 (`::ffff:192.0.2.1`) as what it is; raises ValueError."""
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def parse_network(text: str) -> Network:
    """Return the network of `192.0.2.0/24`, `2001:db8::/32` or one address; raises ValueError with a reason.

    An address with bits behind the mask is refused: it is a typing error or a misunderstanding.
    """
    if "%" in text:
        raise ValueError(f"{text!r} names a network interface.")
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - MAPPED.prefixlen))
    return network


def is_within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def is_inside(address: str, networks: Iterable[Network]) -> bool:
    """Whether the address lies in one of the networks; what is no address lies in none."""
    try:
        parsed = parse_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


@lru_cache(maxsize=4096)
def site_of(address: str) -> str:
    """Return what stands for a caller: an IPv4 address, or the first 64 bits of an IPv6 address."""
    try:
        parsed = parse_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(IPv6Network((int(parsed), IPV6_SITE_BITS), strict=False))
