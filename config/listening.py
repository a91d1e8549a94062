"""How many connections a worker holds, and how long each may keep it waiting.

A connection counts against the limit of its worker from its first packet to its end, idle ones included; a worker at
its limit accepts no more until one ends. So every way of holding one without using it must have an end:

- a client that sends nothing, or the head of a request byte by byte, and one that is silent between two requests:
  `SERVER_IDLE_SECONDS`, by the server's timer for heads. The timer is there for HTTP/1 alone: while the server still
  guesses the version it waits for ever, therefore HTTP/1 is all it speaks. HTTP/2 is for the proxy in front.
- a body that comes too slowly: `config.bodies`.
- a client that does not take its answer: `SECONDS_WITHOUT_PROGRESS`, by the kernel.
"""

from __future__ import annotations

import socket
from typing import Any

from granian.constants import HTTPModes
from granian.http import HTTP1Settings

from config import settings

try:
    import resource
except ImportError:  # Windows counts no file descriptors.
    resource = None  # type: ignore[assignment]

SECONDS_WITHOUT_PROGRESS = 60
"""What a client has to acknowledge or take a byte that waits for it."""

HEAD_BYTES = 64 * 1024
"""Heads may be longer by what arrives with them, twice this at most; after that they are refused with 431."""

SEND_BUFFER_BYTES = 256 * 1024
"""What the kernel holds of an answer that a client does not take; left to itself it takes up to 4 MiB a connection."""

OTHER_DESCRIPTORS = 512
"""Files, pipes, and connections to the database of a worker."""


def limits() -> dict[str, Any]:
    """The arguments of granian that bound connections."""
    return {
        "http": HTTPModes.http1,
        "http1_settings": HTTP1Settings(
            header_read_timeout=settings.SERVER_IDLE_SECONDS * 1000, max_buffer_size=HEAD_BYTES
        ),
        "backpressure": connections_that_fit(settings.SERVER_CONNECTIONS),
    }


def connections_that_fit(wanted: int) -> int:
    """Let this process and its children open the files this needs, and return how many connections they may hold."""
    if resource is None:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - OTHER_DESCRIPTORS))


def end_connections_without_progress(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Take the arguments of a worker of granian and return them with a socket that the kernel watches.

    Connections inherit the limit from the socket that listens. Where the kernel has no such limit nothing changes.
    """
    worker, process, loader, (listening, shared), *rest = arguments
    specification, _holder = listening
    if specification is None or not hasattr(socket, "TCP_USER_TIMEOUT"):
        return arguments
    holder = specification.build()
    listener = socket.socket(fileno=holder.get_fd())
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SECONDS_WITHOUT_PROGRESS * 1000)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    listener.detach()
    return (worker, process, loader, ((None, holder), shared), *rest)
