"""Where outgoing requests may go, and that they go to the address that was checked."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pytest_django import Settings

from core.outgoing import OutgoingFailed, OutgoingRefused, check_web_address, send
from core.outgoing.destinations import destination_of
from tests.integrations.conftest import OtherServer, plain

PRIVATE = [
    *("127.0.0.1", "127.1", "127.0.1", "0", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"),
    *("127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "169.254.1.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1"),
    *("239.255.255.250", "240.0.0.1", "255.255.255.255", "100.100.100.200", "192.88.99.1"),
    *("[::1]", "[::]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[64:ff9b::a00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::1]", "[2002:a9fe:a9fe::]", "[2001::1]", "[100::1]"),
    *("localhost", "LOCALHOST", "localhost.", "api.localhost", "printer.local", "metadata.google.internal"),
    *("intranet", "127.0.0.1.", "router.home.arpa"),
]

NEVER = ["169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "224.0.0.1", "[fe80::1]", "[ff02::1]", "[::]"]


@pytest.mark.parametrize("host", PRIVATE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_private_address_is_refused_in_every_spelling(settings: Settings, scheme: str, host: str) -> None:
    settings.OUTGOING_HOSTS = [f"{scheme}://{host}", host, "*.localhost", "*.local", "*.internal"]

    for check in (check_web_address, destination_of):
        with pytest.raises(OutgoingRefused):
            check(f"{scheme}://{host}/")


@pytest.mark.parametrize("host", NEVER)
def test_no_exception_opens_what_is_never_called(settings: Settings, host: str) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = [f"{host}:80"]

    with pytest.raises(OutgoingRefused):
        check_web_address(f"http://{host}/")


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 11434), ("[::1]", 80), ("10.0.0.5", 8443), ("ollama", 11434), ("[fd12::1]", 80)]
)
def test_an_exception_opens_one_host_at_one_port(settings: Settings, host: str, port: int) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = [f"{host}:{port}"]

    assert destination_of(f"http://{host}:{port}/v1").may_be_private is True
    with pytest.raises(OutgoingRefused):
        destination_of(f"http://{host}:{port + 1}/v1")


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "//example.org", "ftp://example.org", "file:///etc/passwd", "https://", "https://:443/"),
        *("https://user@example.org", "https://user:pw@example.org", "https://example.org:0", "https://example.org:x"),
        *("https://example.org:65536", "https://exa mple.org", "https://example.org/\r\nX: y", "https://exämple.org"),
        *(
            "https://127。0。0。1/",
            "https://１２７.0.0.1/",
            "https://example..org",
            "https://[::1",
            "https://[::1%25lo]/",
        ),
        *("https://example.org\\@127.0.0.1/", f"https://{'a' * 64}.org", f"https://{'a.' * 130}org", "https://-a.org"),
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(OutgoingRefused):
        check_web_address(url)


@pytest.mark.parametrize(
    ("entry", "url", "is_allowed"),
    [
        ("api.openai.com", "https://api.openai.com/v1", True),
        ("API.OpenAI.com", "https://api.openai.com./v1", True),
        ("api.openai.com", "https://api.openai.com:443/v1", True),
        ("api.openai.com", "https://api.openai.com:8443/v1", False),
        ("api.openai.com", "http://api.openai.com/v1", False),
        ("api.openai.com", "https://evil-api.openai.com/", False),
        ("api.openai.com", "https://api.openai.com.evil.org/", False),
        ("*.openai.com", "https://api.openai.com/", True),
        ("*.openai.com", "https://a.b.openai.com/", True),
        ("*.openai.com", "https://openai.com/", False),
        ("*.openai.com", "https://evilopenai.com/", False),
        ("hooks.example.org:8443", "https://hooks.example.org:8443/", True),
        ("hooks.example.org:8443", "https://hooks.example.org/", False),
        ("http://hooks.example.org", "http://hooks.example.org/", True),
        ("http://hooks.example.org", "https://hooks.example.org/", False),
        ("8.8.8.8", "https://8.8.8.8/", True),
    ],
)
def test_the_list_names_scheme_host_and_port(settings: Settings, entry: str, url: str, is_allowed: bool) -> None:
    settings.OUTGOING_HOSTS = [entry]

    if is_allowed:
        destination_of(url)
    else:
        with pytest.raises(OutgoingRefused, match="is not on the list OUTGOING_HOSTS"):
            destination_of(url)


def test_without_a_list_nothing_is_called(settings: Settings) -> None:
    settings.OUTGOING_HOSTS = []

    with pytest.raises(OutgoingRefused) as refused:
        send("GET", "https://api.openai.com/v1", headers={})

    assert str(refused.value) == "https://api.openai.com is not on the list OUTGOING_HOSTS of this server."


def resolver(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names lead to these addresses, one answer after the other; returns the names that were asked for."""
    asked: list[str] = []

    def answer(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["10.0.0.1", "8.8.8.8"], ["169.254.169.254"], ["::ffff:10.0.0.1"]],
)
def test_a_name_with_one_private_address_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    settings.OUTGOING_HOSTS = ["rebind.example.org"]
    asked = resolver(monkeypatch, addresses)

    with pytest.raises(OutgoingRefused) as refused:
        send("GET", "https://rebind.example.org/", headers={})

    assert str(refused.value) == "rebind.example.org leads to an address that is not public."
    assert asked == ["rebind.example.org"]


def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_checked(
    server: OtherServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = [f"models.example.org:{server.port}"]
    asked = resolver(monkeypatch, ["127.0.0.1"], ["192.0.2.1"])

    answer = send("GET", f"http://models.example.org:{server.port}/v1?a=b", headers={})

    assert (answer.status, answer.body) == (200, b"{}")
    assert asked == ["models.example.org"]
    [request] = server.received
    assert (request.headers["Host"], request.path) == (f"models.example.org:{server.port}", "/v1?a=b")


def test_an_exception_by_name_does_not_open_metadata(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTGOING_PRIVATE_HOSTS = ["ollama:11434"]
    resolver(monkeypatch, ["169.254.169.254"])

    with pytest.raises(OutgoingRefused):
        send("GET", "http://ollama:11434/", headers={})


def test_a_name_that_leads_nowhere_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTGOING_HOSTS = ["nowhere.example.org"]
    resolver(monkeypatch, [])

    with pytest.raises(OutgoingFailed) as failed:
        send("GET", "https://nowhere.example.org/", headers={})

    assert str(failed.value) == "The name nowhere.example.org leads to no address."


def test_a_resolver_that_takes_too_long_is_left_behind(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTGOING_HOSTS = ["slow.example.org"]

    is_over = threading.Event()

    def think(*_arguments: Any, **_options: Any) -> list[Any]:
        is_over.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", think)

    with pytest.raises(OutgoingFailed) as failed:
        send("GET", "https://slow.example.org/", headers={}, timeout_seconds=0.2)

    is_over.set()
    assert str(failed.value) == "There was no complete answer in time."


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_not_asked(
    server: OtherServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9/")

    assert send("GET", server.url, headers={}).status == 200


@pytest.mark.parametrize("headers", [{"Content-Length": "2000"}, {"Transfer-Encoding": "chunked"}])
def test_an_answer_beyond_the_limit_is_refused(server: OtherServer, headers: dict[str, str]) -> None:
    body = b"x" * 2000 if "Content-Length" in headers else b"7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n"

    def answer(handler: Any) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        handler.wfile.write(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body)

    server.answer = answer

    with pytest.raises(OutgoingFailed) as failed:
        send("GET", server.url, headers={}, max_answer_bytes=1000)

    assert str(failed.value) == "The answer is larger than 1000 bytes."
    assert len(send("GET", server.url, headers={}, max_answer_bytes=2000).body) == 2000


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "The answer broke off."),
        (b"SSH-2.0-OpenSSH\r\n", "The answer is not HTTP."),
        (b"", "The connection failed."),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "The answer is not HTTP."),
        (b"HTTP/1.1 200 " + b"x" * 70_000, "The answer is not HTTP."),
    ],
)
def test_what_is_no_whole_answer_is_told(server: OtherServer, raw: bytes, reason: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(raw)

    server.answer = answer

    with pytest.raises(OutgoingFailed) as failed:
        send("GET", server.url, headers={})

    assert str(failed.value) == reason


def test_a_redirect_is_an_answer_and_is_not_followed(server: OtherServer) -> None:
    server.answer = lambda handler: plain(handler, 301, b"", Location="http://169.254.169.254/")

    assert send("GET", server.url, headers={}).status == 301
    assert len(server.received) == 1
