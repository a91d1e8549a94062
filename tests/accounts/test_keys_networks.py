"""From where a key works."""

from __future__ import annotations

import pytest

from accounts.models import ApiKey, Organization
from accounts.services import create_api_key
from core.networks import parse_network, site_of
from tests.accounts.keyring import refused, show, told

V4, HOST, V6 = "192.0.2.0/24", "198.51.100.7/32", "2001:db8:1::/48"


@pytest.mark.parametrize(
    ("networks", "address", "is_allowed"),
    [
        ([], "203.0.113.9", True),
        ([], "2001:db8:9::1", True),
        ([V4], "192.0.2.0", True),
        ([V4], "192.0.2.255", True),
        ([V4], "192.0.3.0", False),
        ([V4], "::ffff:192.0.2.9", True),
        ([V4], "::ffff:192.0.3.9", False),
        ([V4], "::ffff:c000:209", True),
        ([V4], "2001:db8:1::9", False),
        ([HOST], "198.51.100.7", True),
        ([HOST], "198.51.100.8", False),
        ([V6], "2001:db8:1::9", True),
        ([V6], "2001:DB8:1:0::0009", True),
        ([V6], "2001:db8:2::9", False),
        ([V6], "192.0.2.9", False),
        ([V4, V6], "2001:db8:1::9", True),
        ([V4, V6], "203.0.113.9", False),
        (["::/0"], "2001:db8::1", True),
        (["::/0"], "192.0.2.1", False),
        (["0.0.0.0/0"], "::ffff:192.0.2.1", True),
        ([V4], "", False),
        ([V4], "nowhere", False),
    ],
)
def test_a_key_works_from_its_networks_alone(
    organization: Organization, networks: list[str], address: str, is_allowed: bool
) -> None:
    text = create_api_key(organization=organization, name="k", allowed_networks=networks)[1]

    response = show(text, address=address)

    assert (response.status_code if is_allowed else told(response)) == (200 if is_allowed else refused())


def test_behind_a_proxy_the_address_that_it_appended_counts(organization: Organization, settings: object) -> None:
    settings.BEHIND_PROXY = True  # type: ignore[attr-defined]
    text = create_api_key(organization=organization, name="k", allowed_networks=[V4])[1]

    answers = [show_behind_proxy(text, forwarded) for forwarded in ("192.0.2.1", "192.0.2.1, 203.0.113.1")]

    assert answers == [200, 401]


def show_behind_proxy(text: str, forwarded: str) -> int:
    from django.test import Client

    headers = {"authorization": f"Bearer {text}", "x-forwarded-for": forwarded}
    return Client().get("/api/threads", headers=headers).status_code


def test_new_networks_are_in_force_at_once(organization: Organization) -> None:
    key, text = create_api_key(organization=organization, name="k")
    first = show(text).status_code
    ApiKey.objects.filter(pk=key.pk).update(allowed_networks=[V4])
    second = show(text).status_code
    ApiKey.objects.filter(pk=key.pk).update(allowed_networks=[V4, "127.0.0.0/8"])

    assert (first, second, show(text).status_code) == (200, 401, 200)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_has_one_spelling(written: str, kept: str) -> None:
    assert str(parse_network(written)) == kept


@pytest.mark.parametrize(
    "text",
    ["", "x", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2", "fe80::1%eth0", "2001:db8::1/32", " ::/0"],
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_network(text)


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("", ""),
        ("nowhere", ""),
    ],
)
def test_a_caller_is_an_address_or_a_site(address: str, site: str) -> None:
    assert site_of(address) == site
