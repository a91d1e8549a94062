from tests.client import ApiClient


def test_thread_roundtrip(api: ApiClient) -> None:
    response = api.post("/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"})
    assert response.status_code == 201, response.content
    thread = response.json()["id"]
    for n in range(3):
        assert api.post(f"/api/threads/{thread}/messages", {"role": "user", "content": f"hello {n}"}).status_code == 201
    page = api.get(f"/api/threads/{thread}/messages").json()
    assert [row["position"] for row in page["results"]] == [1, 2, 3]
    assert len(api.get("/api/threads?q=hello").json()["results"]) == 1
    assert len(api.get("/api/threads?q=hello%20x").json()["results"]) == 0
    r = api.delete(f"/api/messages/{page['results'][0]['id']}")
    assert r.status_code == 204, r.content
