"""docs/roles.md, as the code has it: `python -m tests.accounts.roles_document > docs/roles.md`."""

from __future__ import annotations

from accounts.permissions import DOMAIN_PERMISSIONS, PERMISSIONS, PLATFORM_PERMISSIONS
from accounts.roles import BUILT_IN_ROLES

INTRODUCTION = """# Roles and permissions

Every organization has these ten roles, and makes its own besides (`POST /api/roles`) out of the same permissions.
Nobody gives a role that holds more than they do. A person who is narrowed to a domain keeps the permissions marked
with ◦ and loses the others; a read-only key keeps those that end in `.read`.
"""


def roles_document() -> str:
    """Return the page: the roles, then a table of permissions by role."""
    roles = [f"- **{role.name}** (`{slug}`): {role.description}" for slug, role in BUILT_IN_ROLES.items()]
    return "\n".join([INTRODUCTION, *roles, "", *_matrix(), ""])


def _matrix() -> list[str]:
    head = ["Permission", "What it allows", *BUILT_IN_ROLES]
    rules = ["---", "---", *[":-:" for _ in BUILT_IN_ROLES]]
    return [_line(head), _line(rules), *(_line(_row(code, text)) for code, text in PERMISSIONS.items())]


def _row(code: str, text: str) -> list[str]:
    mark = " ◦" if code in DOMAIN_PERMISSIONS else ""
    if code in PLATFORM_PERMISSIONS:
        return [f"`{code}`", text, *["" for _ in BUILT_IN_ROLES]]
    return [f"`{code}`{mark}", text, *["●" if code in role.permissions else "" for role in BUILT_IN_ROLES.values()]]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    print(roles_document(), end="")
