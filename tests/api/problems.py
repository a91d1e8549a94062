"""What every error of the API looks like."""

from __future__ import annotations

from typing import Any

MEMBERS = {"type", "title", "status", "detail", "code"}
OPTIONAL = {"errors", "pointer", "current_version", "budget_id", "budget_name", "limit", "spent"}


def problem_of(response: Any) -> dict[str, Any]:
    """Return the problem document of an error answer; fails the test unless it is one."""
    assert response["Content-Type"] == "application/problem+json", response.content
    document: dict[str, Any] = response.json()
    assert document.keys() >= MEMBERS
    assert document.keys() <= MEMBERS | OPTIONAL
    assert document["status"] == response.status_code
    assert document["type"] == f"urn:parley:problem:{document['code']}"
    texts = [document[name] for name in ("title", "detail", "code")]
    assert all(isinstance(text, str) and text for text in texts), document
    errors = document.get("errors", {})
    assert all(isinstance(name, str) and all(messages) for name, messages in errors.items()), document
    return document


def fields_at_fault(response: Any) -> list[str]:
    """The names in `errors`, in order."""
    return sorted(problem_of(response).get("errors", {}))
