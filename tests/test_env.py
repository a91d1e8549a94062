"""The readers of environment variables, and the settings that are made with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.conf import settings

from config.env import Env, Problem, read_env_file
from tests.processes import manage

SECRETS_KEY = "c2l4dGVlbiBieXRlcyArIHNpeHRlZW4gYnl0ZXMgKyA="
STRONG_SECRET = "k3-9vZ!qf7Lw2RtY8uXe5Bn1Gh6Jm4Pd0Sa-Cz+Kx=Vb?No:Mi"


def read_integer(values: Mapping[str, str]) -> tuple[int, list[Problem]]:
    env = Env(values)
    return env.integer("N", 5, minimum=1, maximum=10), env.problems


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("10", 10), ("007", 7)])
def test_integer_is_read(text: str, value: int) -> None:
    assert read_integer({"N": text}) == (value, [])


@pytest.mark.parametrize("values", [{}, {"N": ""}])
def test_integer_is_the_default_when_unset_or_empty(values: dict[str, str]) -> None:
    assert read_integer(values) == (5, [])


@pytest.mark.parametrize(
    "text", ["0", "11", "-1", "--5", "-", "+5", "5.0", " 5", "five", "0x5", "1e0", "٥", "5_0", "9" * 5000]
)
def test_integer_that_cannot_be_used_is_noted(text: str) -> None:
    value, problems = read_integer({"N": text})
    assert value == 5
    assert problems == [Problem("N", f"{text!r} is not a whole number from 1 to 10.", "Correct or unset N.")]


def test_integer_may_be_negative_where_the_limits_say_so() -> None:
    assert Env({"N": "-3"}).integer("N", 0, minimum=-5, maximum=5) == -3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        ("On", True),
        ("0", False),
        ("False", False),
        ("no", False),
        ("OFF", False),
    ],
)
@pytest.mark.parametrize("default", [True, False])
def test_boolean_is_read(text: str, value: bool, default: bool) -> None:
    env = Env({"B": text})
    assert (env.boolean("B", default=default), env.problems) == (value, [])


@pytest.mark.parametrize("default", [True, False])
def test_boolean_that_cannot_be_used_is_noted(default: bool) -> None:
    env = Env({"B": "ja"})
    assert env.boolean("B", default=default) is default
    assert env.problems == [Problem("B", "'ja' is neither true nor false.", "Set B to true or false.")]


def test_choice_is_read() -> None:
    env = Env({"C": "json"})
    assert (env.text("C", "text", choices=("text", "json")), env.problems) == ("json", [])


def test_choice_that_is_not_offered_is_noted() -> None:
    env = Env({"C": "JSON"})
    assert env.text("C", "text", choices=("text", "json")) == "text"
    assert env.problems == [Problem("C", "'JSON' is not one of text, json.", "Set C to one of them.")]


def test_words_are_split_at_commas() -> None:
    env = Env({"W": " a, b ,,c ", "E": ""})
    assert (env.words("W"), env.words("E", ("x",)), env.words("U")) == (["a", "b", "c"], ["x"], [])


def test_problems_add_up() -> None:
    env = Env({"N": "x", "B": "x"})
    env.integer("N", 1, minimum=0, maximum=9)
    env.boolean("B", default=False)
    assert [problem.name for problem in env.problems] == ["N", "B"]


def test_value_is_read_from_the_named_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("  geheim ü\n", encoding="utf-8")
    env = Env({"S_FILE": str(tmp_path / "secret")})
    assert (env.text("S", "default"), env.problems) == ("geheim ü", [])


def test_integer_and_boolean_are_read_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "n").write_text("7\n")
    (tmp_path / "b").write_text("false\n")
    env = Env({"N_FILE": str(tmp_path / "n"), "B_FILE": str(tmp_path / "b")})
    assert (env.integer("N", 1, minimum=0, maximum=9), env.boolean("B", default=True), env.problems) == (7, False, [])


def _missing(path: Path) -> Path:
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _not_utf8(path: Path) -> Path:
    path.write_bytes(b"\xff\xfe")
    return path


@pytest.mark.parametrize("make", [_missing, _folder, _not_utf8])
def test_file_that_cannot_be_read_is_noted(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "secret")
    env = Env({"S_FILE": str(path)})
    assert env.text("S", "default") == "default"
    [problem] = env.problems
    assert problem.name == "S_FILE"
    assert problem.message.startswith(f"{path} cannot be read: ")


def test_empty_file_means_unset(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" \n")
    env = Env({"S_FILE": str(tmp_path / "secret")})
    assert (env.text("S", "default"), env.problems) == ("default", [])


def test_value_and_file_together_are_noted(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file")
    env = Env({"S": "direct", "S_FILE": str(tmp_path / "secret")})
    assert env.text("S") == "from the file"
    assert env.problems == [Problem("S", "S and S_FILE are both set.", "Keep one of the two.")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_env_file_is_read(tmp_path: Path, encoding: str) -> None:
    lines = [
        "FIRST=1",
        "# COMMENT=2",
        "",
        "  #SPACED=2",
        " PADDED = a b ",
        "SIGNED=x=y=z",
        'DOUBLE="quoted # text"',
        "SINGLE='it\"s'",
        'HALF=ends with"',
        "export EXPORTED=yes",
        "EMPTY=",
        "no assignment",
        "UMLAUT=ü",
    ]
    (tmp_path / ".env").write_text("\r\n".join(lines), encoding=encoding)
    assert read_env_file(tmp_path / ".env") == {
        "FIRST": "1",
        "PADDED": "a b",
        "SIGNED": "x=y=z",
        "DOUBLE": "quoted # text",
        "SINGLE": 'it"s',
        "HALF": 'ends with"',
        "EXPORTED": "yes",
        "EMPTY": "",
        "UMLAUT": "ü",
    }


def test_env_file_may_be_missing(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / ".env") == {}


def test_process_environment_wins_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PARLEY_TEST_A=file\nPARLEY_TEST_B=file\n")
    monkeypatch.setenv("PARLEY_TEST_A", "process")
    env = Env.of_process(tmp_path / ".env")
    assert (env.text("PARLEY_TEST_A"), env.text("PARLEY_TEST_B"), env.problems) == ("process", "file", [])


def test_env_file_that_cannot_be_read_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    monkeypatch.setenv("PARLEY_TEST_A", "process")
    env = Env.of_process(tmp_path / ".env")
    assert env.text("PARLEY_TEST_A") == "process"
    [problem] = env.problems
    assert (problem.name, problem.message[:24]) == (".env", "The file cannot be read:")


def production(**values: str) -> dict[str, str]:
    """The documented environment of a deployment; an empty value unsets a variable."""
    documented = {
        "DEBUG": "false",
        "SECRET_KEY": STRONG_SECRET,
        "ALLOWED_HOSTS": "parley.example.org",
        "DATABASE_URL": "sqlite:///:memory:",
        "SECRETS_KEYS": SECRETS_KEY,
    }
    return {**documented, **values}


def test_deployment_check_is_clean_in_production() -> None:
    run = manage("check", "--deploy", "--fail-level", "WARNING", env=production())
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"SECRET_KEY": settings.DEVELOPMENT_SECRET_KEY}, "config.E001"),
        ({"LOG_LEVEL": "loud"}, "config.E002) LOG_LEVEL: 'loud' is not one of DEBUG, INFO, WARNING, ERROR."),
        ({"SECRET_KEY": "", "SECRET_KEY_FILE": "/does/not/exist"}, "config.E002) SECRET_KEY_FILE: "),
        ({"TRASH_RETENTION_DAYS": "--1"}, "config.E002) TRASH_RETENTION_DAYS: "),
        ({"DATABASE_URL": "mysql://localhost/parley"}, "config.E002) DATABASE_URL: "),
        ({"API_KEY_PEPPERS": "short"}, "config.E003"),
        ({"SECRETS_KEYS": "short"}, "config.E004"),
        ({"SECRETS_KEYS": f"{SECRETS_KEY},{SECRETS_KEY[1:]}"}, "config.E004"),
        ({"SECRETS_KEYS": "", "SECRETS_KEYS_FILE": "/does/not/exist"}, "config.E002) SECRETS_KEYS_FILE: "),
        ({"OUTGOING_HOSTS": "api.openai.com,https://"}, "config.E005) 'https://' names no host"),
        ({"OUTGOING_HOSTS": "*"}, "config.E005) '*' names no host"),
        ({"OUTGOING_HOSTS": "api.openai.com/v1"}, "config.E005) 'api.openai.com/v1' names no host"),
        ({"OUTGOING_HOSTS": "api.openai.com:0"}, "config.E005) 'api.openai.com:0' names no host"),
        ({"OUTGOING_PRIVATE_HOSTS": "127.0.0.1"}, "config.E005) '127.0.0.1' names no host"),
        ({"OUTGOING_PRIVATE_HOSTS": "*.local:80"}, "config.E005) '*.local:80' names no host"),
    ],
)
def test_server_refuses_to_start(values: dict[str, str], expected: str) -> None:
    run = manage("check", "--deploy", env=production(**values))
    assert run.returncode == 1
    assert expected in run.stderr


def test_deployment_check_warns_of_secrets_under_a_derived_key() -> None:
    run = manage("check", "--deploy", "--fail-level", "WARNING", env=production(SECRETS_KEYS=""))
    assert run.returncode == 1
    assert "config.W002" in run.stderr


def test_secrets_keys_are_never_repeated_by_a_check() -> None:
    run = manage("check", "--deploy", env=production(SECRETS_KEYS=f"{SECRETS_KEY},canary"))
    assert run.returncode == 1
    assert "canary" not in run.stderr


def test_outgoing_hosts_are_taken_as_documented() -> None:
    hosts = "api.openai.com,*.example.org,hooks.example.org:8443,http://plain.example.org"
    private = "127.0.0.1:11434,[::1]:80,ollama:11434"
    run = manage("check", "--deploy", env=production(OUTGOING_HOSTS=hosts, OUTGOING_PRIVATE_HOSTS=private))
    assert (run.returncode, run.stderr) == (0, "")
