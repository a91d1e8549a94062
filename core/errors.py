"""Errors of the domain: raised by services, told as `application/problem+json` by `core.problems`."""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """Something the caller asked for cannot be done; nothing has changed.

    `members` are told beside the usual members of a problem document.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"
    title: ClassVar[str] = "The request cannot be carried out."

    def __init__(self, detail: str, *, errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or {}
        self.members: dict[str, Any] = {}


class NotFound(DomainError):
    """The row does not exist, lies in the trash, or belongs to somebody else: always the same answer."""

    status = 404
    code = "not_found"
    title = "Not found."

    def __init__(self, detail: str = "There is nothing at this address.") -> None:
        super().__init__(detail)


class Conflict(DomainError):
    """The request contradicts what is stored."""

    status = 409
    code = "conflict"
    title = "The request contradicts what is stored."


class VersionMismatch(DomainError):
    """`If-Match` named another version than the current one."""

    status = 412
    code = "version_mismatch"
    title = "The resource has changed."

    def __init__(self, current: int) -> None:
        super().__init__(f"The resource is at version {current}; read it again and repeat the change.")
        self.current_version = current
        self.members = {"current_version": current}


class PreconditionRequired(DomainError):
    """A full replacement must say which version it replaces."""

    status = 428
    code = "precondition_required"
    title = "The request must name the version it changes."


class UnsupportedContent(DomainError):
    """The body's media type or encoding is not JSON in UTF-8."""

    status = 415
    code = "unsupported_media_type"
    title = "The body must be JSON in UTF-8."


class Unavailable(DomainError):
    """The database cannot be reached, or its writers or connections were all taken for the whole time limit."""

    status = 503
    code = "unavailable"
    title = "The database is not available."
    retry_after_seconds: ClassVar[int] = 1

    def __init__(self, detail: str = "Send the request again, with the same Idempotency-Key if it was a POST.") -> None:
        super().__init__(detail)


class StorageFull(Unavailable):
    """There is no room left for what was to be written; nothing of it was."""

    status = 507
    code = "storage_full"
    title = "The disk of the database is full."
    retry_after_seconds = 10

    def __init__(self) -> None:
        super().__init__(
            "Nothing was changed. Send the request again when there is room, with the same Idempotency-Key if it was "
            "a POST; what is stored can be read meanwhile."
        )


class StorageReadOnly(Unavailable):
    """The files of the database, or the file system they lie on, may not be written to."""

    code = "storage_read_only"
    title = "The database cannot be written to."
    retry_after_seconds = 10

    def __init__(self) -> None:
        super().__init__("Nothing was changed. The server may not write to the files of its database.")


class StorageBroken(Unavailable):
    """The operating system failed to read, write or open a file of the database."""

    code = "storage_error"
    title = "The disk of the database does not work."
    retry_after_seconds = 10


class BodyTooLarge(DomainError):
    """The body exceeds the limit of `settings.MAX_BODY_BYTES`."""

    status = 413
    code = "body_too_large"
    title = "The body is too large."
