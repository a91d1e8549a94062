"""Whatever is done to threads in whatever order, the API shows what a model in plain Python shows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, initialize, invariant, precondition, rule

from tests.client import ApiClient
from tests.stateful.conversation_model import Conversation, Said, found
from tests.stateful.machines import UndoneMachine, run_machine

WORDS = st.sampled_from(["alder", "birch", "cedar", "alder birch", "birch cedar", ""])
THREAD = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}
PAGE = 2


class ThreadMachine(UndoneMachine):
    """Threads, messages, branches, trash, versions, search and pages."""

    api: ApiClient
    threads = Bundle("threads")
    cursors = Bundle("cursors")

    def start(self) -> None:
        self.known: list[Conversation] = []
        self.touched: Conversation | None = None

    def ask(self, method: str, path: str, body: Any = None, *, status: int, **headers: str) -> Any:
        response = self.api.send(method, path, body, **headers)
        assert response.status_code == status, (method, path, body, response.status_code, response.content)
        return response.json() if response.content else None

    @initialize(target=threads)
    def first_thread(self) -> Conversation:
        return self._create("alder")

    @rule(target=threads, title=WORDS)
    def create(self, title: str) -> Conversation:
        return self._create(title)

    def _create(self, title: str) -> Conversation:
        made = self.ask("POST", "/api/threads", {**THREAD, "title": title}, status=201)
        thread = Conversation(made["id"], title, made["version"])
        self.known.append(thread)
        return thread

    @rule(thread=threads, text=WORDS, data=st.data())
    def append(self, thread: Conversation, text: str, data: st.DataObject) -> None:
        parent = data.draw(st.sampled_from(["the leaf", None, *(said.position for said in thread.present())]))
        body: dict[str, Any] = {"role": "user", "content": text}
        answers = thread.leaf
        if parent is None:
            body["parent_id"] = answers = None
        elif isinstance(parent, int):
            body["parent_id"], answers = thread.messages[parent - 1].id, parent
        made = self.ask("POST", self._messages(thread), body, status=404 if thread.is_trashed else 201)
        self.touched = thread
        if not thread.is_trashed:
            said = thread.append(made["id"], text, answers)
            assert (made["position"], made["content"]) == (said.position, text)

    @rule(thread=threads, texts=st.lists(WORDS, min_size=1, max_size=4))
    def append_batch(self, thread: Conversation, texts: list[str]) -> None:
        body = {"messages": [{"role": "user", "content": text} for text in texts]}
        made = self.ask("POST", f"{self._messages(thread)}/batch", body, status=404 if thread.is_trashed else 201)
        self.touched = thread
        if not thread.is_trashed:
            for row, text in zip(made["messages"], texts, strict=True):
                said = thread.append(row["id"], text, thread.leaf)
                assert (row["position"], row["content"]) == (said.position, text)

    @rule(thread=threads)
    def append_bad_batch(self, thread: Conversation) -> None:
        body = {"messages": [{"role": "user", "content": "cedar"}, {"role": "nobody"}]}
        self.ask("POST", f"{self._messages(thread)}/batch", body, status=400)
        self.touched = thread

    @rule(thread=threads, data=st.data())
    def show_branch(self, thread: Conversation, data: st.DataObject) -> None:
        if not thread.present() or thread.is_trashed:
            return
        said = data.draw(st.sampled_from(thread.present()))
        self._change(thread, {"active_leaf_id": said.id})
        thread.leaf = said.position

    @rule(thread=threads, title=WORDS, is_stale=st.booleans())
    def rename(self, thread: Conversation, title: str, is_stale: bool) -> None:
        if thread.is_trashed:
            self.ask("PATCH", self._path(thread), {"title": title}, status=404)
            return
        current = self._version(thread)
        if is_stale:
            self.ask("PATCH", self._path(thread), {"title": title}, status=412, if_match=f'"v{current - 1}"')
        else:
            self._change(thread, {"title": title}, if_match=f'"v{current}"')
            thread.title = title

    @rule(thread=threads, is_archived=st.booleans())
    def archive(self, thread: Conversation, is_archived: bool) -> None:
        if not thread.is_trashed:
            self._change(thread, {"archived": is_archived})
            thread.is_archived = is_archived

    def _change(self, thread: Conversation, change: dict[str, Any], **headers: str) -> None:
        before = self._version(thread)
        made = self.ask("PATCH", self._path(thread), change, status=200, **headers)
        assert made["version"] in (before, before + 1)
        self.touched = thread

    @rule(thread=threads)
    def trash(self, thread: Conversation) -> None:
        self.ask("DELETE", self._path(thread), status=404 if thread.is_trashed else 204)
        thread.is_trashed = True

    @rule(thread=threads)
    def restore(self, thread: Conversation) -> None:
        self.ask("POST", f"{self._path(thread)}/restore", status=200 if thread.is_trashed else 404)
        thread.is_trashed = False
        self.touched = thread

    @rule(thread=threads, data=st.data())
    def trash_or_restore_message(self, thread: Conversation, data: st.DataObject) -> None:
        if not thread.messages:
            return
        said: Said = data.draw(st.sampled_from(thread.messages))
        restores = data.draw(st.booleans())
        can = not thread.is_trashed and said.is_trashed == restores
        path = f"/api/messages/{said.id}{'/restore' if restores else ''}"
        self.ask("POST" if restores else "DELETE", path, status=404 if not can else 200 if restores else 204)
        if can:
            said.is_trashed = not restores
            said.version += 1
        self.touched = thread

    @rule(thread=threads, data=st.data())
    def leave_feedback(self, thread: Conversation, data: st.DataObject) -> None:
        if not thread.messages:
            return
        said: Said = data.draw(st.sampled_from(thread.messages))
        is_there = not (said.is_trashed or thread.is_trashed)
        path = f"/api/messages/{said.id}/feedback"
        made = self.ask("POST", path, {"rating": 1}, status=201 if is_there else 404)
        if made and is_there:
            assert made["id"] in [row["id"] for row in self.ask("GET", path, status=200)["results"]]

    @rule(target=cursors, thread=threads, is_ascending=st.booleans())
    def open_page(self, thread: Conversation, is_ascending: bool) -> tuple[Conversation, bool, int, str] | None:
        path = f"{self._messages(thread)}?branches=all&limit={PAGE}&order={'asc' if is_ascending else 'desc'}"
        return self._page(thread, is_ascending, 0 if is_ascending else 1 << 30, path)

    @rule(target=cursors, page=consumes(cursors))
    def turn_page(self, page: tuple[Conversation, bool, int, str] | None) -> tuple[Conversation, bool, int, str] | None:
        return self._page(*page) if page else None

    def _page(
        self, thread: Conversation, is_ascending: bool, last: int, path: str
    ) -> tuple[Conversation, bool, int, str] | None:
        """Read a page and compare it with the model as it is now; return the way to the next one."""
        page = self.ask("GET", path, status=404 if thread.is_trashed else 200)
        if thread.is_trashed:
            return None
        places = [said.position for said in thread.present() if (said.position > last) == is_ascending]
        places = [place for place in places if place != last]
        expected = sorted(places, reverse=not is_ascending)
        assert [row["position"] for row in page["results"]] == expected[:PAGE]
        assert (page["next"] is None) == (len(expected) <= PAGE)
        return (thread, is_ascending, expected[PAGE - 1], page["next"]) if page["next"] else None

    @rule(word=st.sampled_from(["alder", "birch", "cedar"]))
    def search(self, word: str) -> None:
        rows = self.ask("GET", f"/api/messages?q={word}&limit=1000", status=200)["results"]
        assert [row["id"] for row in rows] == found(self.known, word)
        threads = {row["id"] for row in self.ask("GET", f"/api/threads?q={word}&limit=1000", status=200)["results"]}
        present = [thread for thread in self.known if not thread.is_trashed]
        spoken = {thread.id for thread in present if any(word in said.text.split() for said in thread.present())}
        assert threads == spoken | {thread.id for thread in present if word in thread.title.split()}

    @invariant()
    @precondition(lambda self: self.touched is not None)
    def touched_thread_is_as_the_model_says(self) -> None:
        thread, self.touched = self.touched, None
        assert thread is not None
        if thread.is_trashed:
            self.ask("GET", self._path(thread), status=404)
            return
        row = self.ask("GET", self._path(thread), status=200)
        assert row["version"] >= thread.version
        thread.version = row["version"]
        assert (row["title"], row["archived_at"] is not None) == (thread.title, thread.is_archived)
        assert (row["message_count"], row["last_position"]) == (len(thread.present()), len(thread.messages))
        assert self._rows(thread, "all") == [self._told(thread, said) for said in thread.present()]
        assert self._rows(thread, "active") == [self._told(thread, said) for said in thread.shown()]

    @invariant()
    def lists_hold_what_is_not_in_the_trash(self) -> None:
        for query, is_wanted in (("", False), ("&trashed=true", True)):
            rows = self.ask("GET", f"/api/threads?limit=1000{query}", status=200)["results"]
            assert {row["id"] for row in rows} == {each.id for each in self.known if each.is_trashed == is_wanted}

    def _rows(self, thread: Conversation, branches: str) -> list[tuple[Any, ...]]:
        page = self.ask("GET", f"{self._messages(thread)}?branches={branches}&limit=1000", status=200)
        return [
            (row["id"], row["position"], row["content"], row["parent_id"], row["version"]) for row in page["results"]
        ]

    def _told(self, thread: Conversation, said: Said) -> tuple[Any, ...]:
        parent = thread.messages[said.parent - 1].id if said.parent else None
        return (said.id, said.position, said.text, parent, said.version)

    def _version(self, thread: Conversation) -> int:
        version: int = self.ask("GET", self._path(thread), status=200)["version"]
        return version

    def _path(self, thread: Conversation) -> str:
        return f"/api/threads/{thread.id}"

    def _messages(self, thread: Conversation) -> str:
        return f"/api/threads/{thread.id}/messages"


@pytest.mark.slow
def test_threads_are_as_the_model_says(api: ApiClient, settings: Any) -> None:
    settings.THROTTLE_KEY_PER_MINUTE = 0

    run_machine(ThreadMachine, api=api)
