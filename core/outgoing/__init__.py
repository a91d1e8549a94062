"""Requests that Parley itself sends: only to hosts that the operator lists, never to private addresses."""

from core.outgoing.destinations import (
    OutgoingRefused,
    check_web_address,
    is_well_formed_entry,
    is_well_formed_exception,
)
from core.outgoing.exchange import Answer, OutgoingFailed, send

__all__ = [
    "Answer",
    "OutgoingFailed",
    "OutgoingRefused",
    "check_web_address",
    "is_well_formed_entry",
    "is_well_formed_exception",
    "send",
]
