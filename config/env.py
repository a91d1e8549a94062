"""Typed readers for environment variables.

A reader never raises on a wrong value: it notes a `Problem`, answers with the default, and the system check
`config.E002` reports every problem at once with its hint. Every reader also accepts `NAME_FILE`, the path of a file
that holds the value, which is how container platforms hand over secrets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
INTEGER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Problem:
    """A variable whose value cannot be used."""

    name: str
    message: str
    hint: str


def read_env_file(path: Path) -> dict[str, str]:
    """Return the `NAME=value` lines of a file, none where there is no file.

    Blank lines and `#` comments are passed over; a leading `export` and a pair of quotes around the value are taken
    off. Raises OSError or UnicodeDecodeError for a file that cannot be read.
    """
    if not path.is_file():
        return {}
    values: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = _unquoted(value.strip())
    return values


def _unquoted(value: str) -> str:
    is_quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


class Env:
    """Reads variables from a mapping and collects what is wrong with them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.problems: list[Problem] = []

    @classmethod
    def of_process(cls, env_file: Path) -> Env:
        """The process environment, with the lines of `env_file` for what it leaves unset."""
        try:
            return cls({**read_env_file(env_file), **os.environ})
        except (OSError, UnicodeDecodeError) as error:
            env = cls(os.environ)
            env.note(env_file.name, f"The file cannot be read: {error}.", "Write it in UTF-8; check its permissions.")
            return env

    def text(self, name: str, default: str = "", *, choices: Sequence[str] = ()) -> str:
        value = self._raw(name)
        if value is None:
            return default
        if choices and value not in choices:
            self.note(name, f"{value!r} is not one of {', '.join(choices)}.", f"Set {name} to one of them.")
            return default
        return value

    def boolean(self, name: str, *, default: bool) -> bool:
        value = self._raw(name)
        if value is None:
            return default
        if value.lower() in TRUE_WORDS:
            return True
        if value.lower() not in FALSE_WORDS:
            self.note(name, f"{value!r} is neither true nor false.", f"Set {name} to true or false.")
            return default
        return False

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        value = self._raw(name)
        if value is None:
            return default
        number = int(value) if INTEGER.fullmatch(value) else None
        if number is None or not minimum <= number <= maximum:
            self.note(
                name, f"{value!r} is not a whole number from {minimum} to {maximum}.", f"Correct or unset {name}."
            )
            return default
        return number

    def words(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """A list separated by commas; blanks around the words are dropped."""
        value = self._raw(name)
        if value is None:
            return list(default)
        return [word.strip() for word in value.split(",") if word.strip()]

    def _raw(self, name: str) -> str | None:
        """The value, None where it is unset or empty: an empty variable means unset, as in a compose file."""
        file_name = self._values.get(f"{name}_FILE")
        if file_name:
            return self._from_file(name, Path(file_name))
        return self._values.get(name) or None

    def _from_file(self, name: str, path: Path) -> str | None:
        if self._values.get(name):
            self.note(name, f"{name} and {name}_FILE are both set.", "Keep one of the two.")
        try:
            return path.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            self.note(f"{name}_FILE", f"{path} cannot be read: {error}.", "Check the path and its permissions.")
            return None

    def note(self, name: str, message: str, hint: str) -> None:
        """Add a problem that a reader of several variables found."""
        self.problems.append(Problem(name, message, hint))
