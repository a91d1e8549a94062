"""Who wants to know that somebody was refused: core has no tables, so an app that keeps a record says so here."""

from __future__ import annotations

from collections.abc import Callable

from core.access import Actor

Listener = Callable[[Actor, str, str, str], None]
"""Takes the actor, the permission code that was missing, the method and the route; must not raise."""

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Have a function told of every refusal from now on, once however often it is added."""
    if listener not in _listeners:
        _listeners.append(listener)


def tell_refusal(actor: Actor, *, code: str, method: str, route: str) -> None:
    for listener in _listeners:
        listener(actor, code, method, route)
