"""A migrated database of its own with an organization and a key, and what stands in it afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command

from conversations.models import Message, Thread
from tests.databases import connected
from tests.processes import manage


@dataclass(frozen=True)
class Database:
    """A database by its address."""

    url: str

    @property
    def env(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url}

    def migrate(self) -> None:
        with connected(self.url) as connection:
            call_command("migrate", database=connection.alias, verbosity=0)

    def create_key(self) -> str:
        """Create an organization and return the text of a key of it."""
        for command in (["create_organization", "acme"], ["create_api_key", "--organization", "acme", "--name", "k"]):
            run = manage(*command, env=self.env)
            assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    def thread(self, thread_id: str) -> dict[str, Any]:
        """The counters of a thread."""
        with connected(self.url) as connection:
            threads = Thread.objects.using(connection.alias).filter(pk=thread_id)
            return dict(threads.values("last_position", "message_count").get())

    def messages(self, thread_id: str) -> list[tuple[int, str | None]]:
        """Position and content of a thread's messages, in order."""
        with connected(self.url) as connection:
            messages = Message.objects.using(connection.alias).filter(thread_id=thread_id)
            return list(messages.order_by("position").values_list("position", "content"))

    def thread_count(self) -> int:
        with connected(self.url) as connection:
            return Thread.objects.using(connection.alias).count()


def assert_all_there(database: Database, thread_id: str, acknowledged: dict[str, int]) -> None:
    """Every acknowledged message stands where it was said to stand, once; nothing else does; the counters agree."""
    rows = database.messages(thread_id)
    assert [position for position, _content in rows] == list(range(1, len(rows) + 1))
    assert [content for content, times in Counter(content for _position, content in rows).items() if times > 1] == []
    assert {content: position for position, content in rows} == acknowledged
    assert database.thread(thread_id) == {"last_position": len(rows), "message_count": len(rows)}
