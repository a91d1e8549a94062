"""System D's tests of threads, by their names, over Parley's routes and services."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.utils import timezone

from accounts.actors import SystemActor
from conversations.models import Message, Thread
from conversations.services import append_messages, create_thread
from tests.client import ApiClient

CREATED = {"agent_type": "chat", "model": "gpt-4", "provider": "openai"}
MEMBERS = {"id", "title", "agent_type", "model", "provider", "created_at", "updated_at"}


def test_create_thread_via_api(api: ApiClient) -> None:
    response = api.post("/api/threads", CREATED)

    assert response.status_code == 201
    thread = response.json()
    assert thread.keys() >= MEMBERS
    assert {name: thread[name] for name in CREATED} == CREATED
    assert thread["title"] is None
    assert len(thread["id"]) == 36
    assert thread["created_at"] == thread["updated_at"]
    assert Thread.objects.filter(pk=thread["id"]).count() == 1


def test_create_thread_with_title(api: ApiClient) -> None:
    response = api.post("/api/threads", {**CREATED, "title": "My thread"})

    assert response.status_code == 201
    assert response.json()["title"] == "My thread"


def test_create_thread_missing_fields(api: ApiClient) -> None:
    response = api.post("/api/threads", {"title": "Nothing else"})

    assert response.status_code == 400
    assert response.json()["errors"].keys() == {"agent_type", "model", "provider"}
    assert Thread.objects.count() == 0


def test_list_threads(api: ApiClient) -> None:
    titles = ["First", "Second", "Third"]
    for title in titles:
        api.post("/api/threads", {**CREATED, "title": title})

    response = api.get("/api/threads")

    assert response.status_code == 200
    assert [thread["title"] for thread in response.json()["results"]] == titles[::-1]


def test_list_threads_pagination(api: ApiClient) -> None:
    for number in range(5):
        api.post("/api/threads", {**CREATED, "title": str(number)})

    pages = [
        [thread["title"] for thread in api.get(f"/api/threads?limit=2&offset={offset}").json()["results"]]
        for offset in (0, 2, 4, 6)
    ]

    assert pages == [["4", "3"], ["2", "1"], ["0"], []]


def test_get_thread(api: ApiClient) -> None:
    created = api.post("/api/threads", {**CREATED, "title": "Found"}).json()

    response = api.get(f"/api/threads/{created['id']}")

    assert response.status_code == 200
    assert response.json() == created


def test_get_thread_not_found(api: ApiClient) -> None:
    assert api.get(f"/api/threads/{uuid.uuid4()}").status_code == 404


def test_update_thread(api: ApiClient) -> None:
    created = api.post("/api/threads", {**CREATED, "title": "Old"}).json()

    response = api.patch(f"/api/threads/{created['id']}", {"title": "New"})

    assert response.status_code == 200
    updated = response.json()
    assert updated["title"] == "New"
    assert {name: updated[name] for name in CREATED} == CREATED
    assert updated["created_at"] == created["created_at"]
    assert updated["updated_at"] > created["updated_at"]


def test_update_thread_not_found(api: ApiClient) -> None:
    assert api.patch(f"/api/threads/{uuid.uuid4()}", {"title": "New"}).status_code == 404
    assert Thread.objects.count() == 0


def test_delete_thread(api: ApiClient) -> None:
    created = api.post("/api/threads", CREATED).json()

    response = api.delete(f"/api/threads/{created['id']}")

    assert response.status_code == 204
    assert api.get(f"/api/threads/{created['id']}").status_code == 404
    assert api.get("/api/threads").json()["results"] == []


def test_delete_thread_not_found(api: ApiClient) -> None:
    assert api.delete(f"/api/threads/{uuid.uuid4()}").status_code == 404


def test_thread_service_create(actor: SystemActor) -> None:
    thread = create_thread(actor=actor, fields={**CREATED, "title": "By the service"})

    stored = Thread.objects.get(pk=thread.pk)
    assert (stored.title, stored.agent_type, stored.model, stored.provider) == (
        "By the service",
        "chat",
        "gpt-4",
        "openai",
    )
    assert stored.organization_id == actor.organization_id
    assert Message.objects.filter(thread=stored).count() == 0


def test_thread_service_list_order(actor: SystemActor) -> None:
    start = timezone.now()
    first, second, third = (
        create_thread(actor=actor, fields=CREATED, now=start + timedelta(seconds=number)) for number in range(3)
    )

    append_messages(actor=actor, thread_id=first.pk, messages=[{"role": "user"}], now=start + timedelta(seconds=9))

    listed = Thread.objects.visible_to(actor).active().in_recent_order()
    assert [thread.pk for thread in listed] == [first.pk, third.pk, second.pk]
