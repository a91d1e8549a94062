"""What must hold between a thread and its messages; run by `manage.py check_integrity`.

A thread that lies in the trash may lack its last messages: an interrupted purge erases from the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, Exists, F, Max, OuterRef, Q
from django.db.models.functions import Coalesce

from conversations.branches import Segment, open_path, path_to
from conversations.models import Message, Thread
from core.integrity import Finding, register, row_name


@register("positions")
def check_positions(using: str) -> Iterator[Finding]:
    """Positions of a thread are 1, 2, 3 … without a gap up to its last one."""
    threads = Thread._base_manager.using(using).values("pk", "last_position", "trashed_at")
    counted = threads.annotate(rows=Count("messages"), highest=Coalesce(Max("messages__position"), 0))
    wrong = counted.filter(
        ~Q(rows=F("highest")) | Q(highest__gt=F("last_position")) | Q(highest__lt=F("last_position"), trashed_at=None)
    )
    for thread in wrong.iterator():
        message = "It has {rows} messages up to position {highest} and says that the last one is {last_position}."
        yield Finding(row_name(Thread, thread["pk"]), message.format(**thread))


@register("message counts")
def check_message_counts(using: str) -> Iterator[Finding]:
    """`message_count` is the number of messages outside the trash."""
    threads = Thread._base_manager.using(using).filter(trashed_at=None).values("pk", "message_count")
    counted = threads.annotate(kept=Count("messages", filter=Q(messages__trashed_at=None)))
    for thread in counted.exclude(kept=F("message_count")).iterator():
        message = "It has {kept} messages outside the trash and says {message_count}."
        yield Finding(row_name(Thread, thread["pk"]), message.format(**thread))


@register("parents")
def check_parents(using: str) -> Iterator[Finding]:
    """A message answers one that came before it."""
    wrong = Message._base_manager.using(using).filter(parent_position__gte=F("position"))
    for pk, position, parent in wrong.values_list("pk", "position", "parent_position").iterator():
        yield Finding(row_name(Message, pk), f"At position {position} it answers position {parent}.")


@register("active branches")
def check_active_branches(using: str) -> Iterator[Finding]:
    """The branch that a thread shows is the path from its beginning to its leaf."""
    jumps = Message._base_manager.filter(thread=OuterRef("pk"), parent_position__isnull=False)
    threads = Thread._base_manager.using(using).filter(trashed_at=None)
    for thread in threads.filter(Exists(jumps) | Q(active_path__isnull=False)).iterator(chunk_size=200):
        expected = _expected_path(thread, using)
        if thread.path != expected:
            yield Finding(row_name(Thread, thread.pk), f"It shows {thread.path} where the path is {expected}.")


def _expected_path(thread: Thread, using: str) -> list[Segment] | None:
    messages = Message._base_manager.using(using).filter(organization_id=thread.organization_id, thread=thread)
    branching = messages.filter(parent_position__isnull=False).values_list("position", "parent_position")
    path = path_to(thread.leaf_position, [(place, parent) for place, parent in branching if parent is not None])
    return path if thread.active_leaf is not None else open_path(path)
