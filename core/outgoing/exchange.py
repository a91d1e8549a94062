"""One request to another server and its answer, within one time limit for all of it.

The standard library's `http.client` does it: it follows no redirect, reads no proxy from the environment, keeps no
connection, and lets us make the connection ourselves. A name is resolved once, every address it has is checked, and the
connection goes to one of these; a second answer of the resolver has no way in.
"""

from __future__ import annotations

import errno
import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import Any, cast

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from core.outgoing.addresses import Address
from core.outgoing.destinations import Destination, OutgoingRefused, destination_of

MAX_ANSWER_BYTES = 1024 * 1024
USER_AGENT = "Parley"


class OutgoingFailed(Exception):
    """The exchange did not come to its end. The message says why and holds nothing of the request or the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What another server answered; a redirect is an answer like any other. The body is complete."""

    status: int
    body: bytes = field(repr=False)


class Deadline:
    """The moment at which everything must be over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left; raises TimeoutError when none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@sensitive_variables()
def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout_seconds: float | None = None,
    max_answer_bytes: int = MAX_ANSWER_BYTES,
) -> Answer:
    """Send a request without a body. Raises `OutgoingRefused` before anything is sent, `OutgoingFailed` afterwards.

    No transaction should be open meanwhile: the exchange may take `settings.OUTGOING_TIMEOUT_SECONDS`.
    """
    destination = destination_of(url)
    _check_headers(headers)
    deadline = Deadline(settings.OUTGOING_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds)
    try:
        addresses = checked_addresses(destination, deadline)
        connection = _Connection(destination, addresses, deadline)
        try:
            return _exchange(connection, method, destination, headers, max_answer_bytes)
        finally:
            connection.end()
    except (OSError, HTTPException, ValueError) as error:
        failure = _failure(error)
    raise failure


@sensitive_variables()
def _exchange(
    connection: HTTPConnection, method: str, destination: Destination, headers: Mapping[str, str], limit: int
) -> Answer:
    own = {
        "Host": destination.host_header,
        "User-Agent": USER_AGENT,
        "Connection": "close",
        "Accept-Encoding": "identity",
    }
    connection.request(method, destination.target, headers={**own, **headers})
    response = connection.getresponse()
    body = response.read(limit + 1)
    if len(body) > limit:
        raise OutgoingFailed(f"The answer is larger than {limit} bytes.")
    if response.length:
        raise OutgoingFailed("The answer broke off.")
    return Answer(response.status, body)


def _check_headers(headers: Mapping[str, str]) -> None:
    if not all(text.isascii() and text.isprintable() for text in headers.values()):
        raise OutgoingRefused("A header would hold something else than printable ASCII characters.")


def checked_addresses(destination: Destination, deadline: Deadline) -> list[Address]:
    """Resolve the host, once, and check every address it has; raises `OutgoingRefused`, `OutgoingFailed`."""
    addresses = [ip_address(text) for text in _resolved(destination.host, destination.port, deadline)]
    for address in addresses:
        destination.check_address(address)
    return addresses


def _resolved(host: str, port: int, deadline: Deadline) -> list[str]:
    """The resolver knows no time limit, so a thread asks it, and is left behind when it takes too long."""
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        answers.put([str(each[4][0]).partition("%")[0] for each in found])

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        addresses = answers.get(timeout=deadline.remaining())
    except queue.Empty:
        raise TimeoutError from None
    if not addresses:
        raise OutgoingFailed(f"The name {host} leads to no address.")
    return list(dict.fromkeys(addresses))


class _Connection(HTTPConnection):
    """A connection to one of the checked addresses, with the time limit on everything it does."""

    def __init__(self, destination: Destination, addresses: list[Address], deadline: Deadline) -> None:
        super().__init__(destination.host, destination.port)
        self._destination = destination
        self._addresses = addresses
        self._deadline = deadline
        self._socket: socket.socket | None = None

    def connect(self) -> None:
        self._socket = self._first_that_answers()
        if self._destination.scheme == "https":
            self._socket = _encrypted(self._socket, self._destination.host, self._deadline)
        self.sock = cast("socket.socket", _TimedSocket(self._socket, self._deadline))

    def end(self) -> None:
        """Close everything. `close()` alone is called by `http.client` before the body of an answer is read."""
        self.close()
        if self._socket is not None:
            self._socket.close()

    def _first_that_answers(self) -> socket.socket:
        last: OSError = ConnectionRefusedError()
        for address in self._addresses:
            try:
                return _connected(address, self._destination.port, self._deadline)
            except TimeoutError:
                raise
            except OSError as error:
                last = error
        raise last


def _connected(address: Address, port: int, deadline: Deadline) -> socket.socket:
    plain = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        plain.settimeout(deadline.remaining())
        failed = plain.connect_ex((str(address), port))
        if failed:
            raise TimeoutError if failed == errno.EAGAIN else OSError(failed, "no connection")
    except BaseException:
        plain.close()
        raise
    return plain


def _encrypted(plain: socket.socket, host: str, deadline: Deadline) -> socket.socket:
    """The handshake has one time limit as a whole: the ssl module counts down by itself."""
    context = ssl.create_default_context()
    encrypted = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    encrypted.settimeout(deadline.remaining())
    try:
        encrypted.do_handshake()
    except BaseException:
        encrypted.close()
        raise
    return encrypted


class _TimedSocket:
    """As much of a socket as `http.client` uses; before each step the time that is left becomes its limit."""

    def __init__(self, inner: socket.socket, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    @sensitive_variables()
    def sendall(self, content: Any) -> None:
        self._inner.settimeout(self._deadline.remaining())
        self._inner.sendall(content)

    def makefile(self, *_args: object, **_options: object) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._inner, self._deadline))

    def close(self) -> None:
        """The connection ends the socket, when the answer has been read."""


class _TimedReader(io.RawIOBase):
    """A server that sends a byte now and then would never meet a limit for each read."""

    def __init__(self, inner: socket.socket, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._inner.settimeout(self._deadline.remaining())
        return self._inner.recv_into(buffer)


def _failure(error: Exception) -> OutgoingFailed:
    """A reason in words of our own: those of the other server may repeat what was sent."""
    if isinstance(error, TimeoutError):
        return OutgoingFailed("There was no complete answer in time.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return OutgoingFailed("The server's certificate cannot be verified.")
    if isinstance(error, ssl.SSLError):
        return OutgoingFailed("No encrypted connection could be made.")
    if isinstance(error, ConnectionRefusedError):
        return OutgoingFailed("The connection was refused.")
    if isinstance(error, OSError):
        return OutgoingFailed("The connection failed.")
    return OutgoingFailed("The answer is not HTTP.")
