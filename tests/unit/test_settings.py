"""Settings: what each accepts, what is said of all else, and where they are read."""

from __future__ import annotations

import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pistat.settings import BadSettingError, Neighbour, Settings, load
from support.daemon import PROGRAM, Daemon, clean_environment

if TYPE_CHECKING:
    from support.require import Require

NO_FILE = Path("/nowhere/.env")
NOBODY = 65534
SOON = 60.0
BAD_CONFIGURATION = 78

PORT = "a whole number from 1 to 65535"
HOST = "an IPv4 or IPv6 address, or localhost"
CACHE = "a number from 0 to 3600, such as 2 or 0.5"
FLAG = "true, false, 1, 0, yes, no, on or off"
LEVEL = "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"
REQUESTS = "a whole number from 1 to 100000"
WINDOW = "a whole number from 1 to 86400"
TOKEN = "at most 256 visible ASCII characters, without spaces; empty for none"
NAMES = "names separated by commas, such as pi.example.org; or * for all"
ORIGINS = "origins separated by commas, such as http://dashboard.local:3000"
NEIGHBOURS = "hosts or URLs separated by commas, such as attic.local or Attic=http://192.168.1.20:8585"
PROXIES = "a whole number from 0 to 10"
LINES = "expected lines such as PISTAT_PORT=8585."


def test_defaults() -> None:
    """Without a word of the owner these are in force."""
    actual = load({}, NO_FILE)

    assert actual == Settings()
    assert (actual.port, actual.host, actual.cache_seconds) == (8585, "0.0.0.0", 2.0)
    assert (actual.debug, actual.log_level) == (False, "INFO")
    assert (actual.rate_limit_enabled, actual.rate_limit_requests, actual.rate_limit_window) == (True, 60, 60)
    assert (actual.api_token, actual.allowed_hosts, actual.cors_origins) == ("", (), ())
    assert actual.trusted_proxies == 0
    assert actual.show_ssid is False


GOOD: list[tuple[str, str, object]] = [
    ("PISTAT_PORT", "1", 1),
    ("PISTAT_PORT", "8585", 8585),
    ("PISTAT_PORT", "65535", 65535),
    *(
        ("PISTAT_HOST", text, text)
        for text in (
            "0.0.0.0",
            "127.0.0.1",
            "192.0.2.7",
            "::",
            "::1",
            "2001:db8::7",
            "fe80::1%eth0",
            "localhost",
        )
    ),
    ("PISTAT_CACHE_SECONDS", "0", 0.0),
    ("PISTAT_CACHE_SECONDS", "0.0", 0.0),
    ("PISTAT_CACHE_SECONDS", "0.5", 0.5),
    ("PISTAT_CACHE_SECONDS", "2", 2.0),
    ("PISTAT_CACHE_SECONDS", "3600", 3600.0),
    ("PISTAT_CACHE_SECONDS", "3600.000", 3600.0),
    *(
        (name, spelling, meaning)
        for name in ("PISTAT_DEBUG", "PISTAT_RATE_LIMIT_ENABLED")
        for meaning, words in ((True, ("true", "1", "yes", "on")), (False, ("false", "0", "no", "off")))
        for word in words
        for spelling in sorted({word, word.upper(), word.capitalize(), word[:1] + word[1:].upper()})
    ),
    *(
        ("PISTAT_LOG_LEVEL", spelling, word)
        for word in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
        for spelling in (word, word.lower(), word.capitalize(), word[:2] + word[2:].lower())
    ),
    ("PISTAT_RATE_LIMIT_REQUESTS", "1", 1),
    ("PISTAT_RATE_LIMIT_REQUESTS", "100000", 100_000),
    ("PISTAT_RATE_LIMIT_WINDOW", "1", 1),
    ("PISTAT_RATE_LIMIT_WINDOW", "86400", 86_400),
    *(("PISTAT_API_TOKEN", text, text) for text in ("", "x", "correct-horse:battery=", "!~", "a" * 256)),
    ("PISTAT_ALLOWED_HOSTS", "", ()),
    ("PISTAT_ALLOWED_HOSTS", "*", ("*",)),
    ("PISTAT_ALLOWED_HOSTS", "Pi.Example.org, pi_2.fritz.box ", ("pi.example.org", "pi_2.fritz.box")),
    ("PISTAT_ALLOWED_HOSTS", "pi.example.org:8443,pi.example.org.", ("pi.example.org", "pi.example.org")),
    ("PISTAT_CORS_ORIGINS", "", ()),
    ("PISTAT_CORS_ORIGINS", "http://a.local:3000, HTTPS://b", ("http://a.local:3000", "https://b")),
    ("PISTAT_CORS_ORIGINS", "http://[fd00::1]:3000", ("http://[fd00::1]:3000",)),
    ("PISTAT_CORS_ORIGINS", "chrome-extension://abc", ("chrome-extension://abc",)),
    ("PISTAT_NEIGHBOURS", "", ()),
    ("PISTAT_NEIGHBOURS", "attic.local", (Neighbour("attic.local", "http://attic.local:8585/"),)),
    (
        "PISTAT_NEIGHBOURS",
        "My attic=192.0.2.7:80, https://pi.example.org/stat, B=[fd00::1]",
        (
            Neighbour("My attic", "http://192.0.2.7:80/"),
            Neighbour("pi.example.org", "https://pi.example.org/stat"),
            Neighbour("B", "http://[fd00::1]:8585/"),
        ),
    ),
    ("PISTAT_TRUSTED_PROXIES", "0", 0),
    ("PISTAT_TRUSTED_PROXIES", "10", 10),
]


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_good(name: str, text: str, value: object) -> None:
    """A value that is accepted is in force, with its type, and changes nothing else."""
    actual = load({name: text}, NO_FILE)
    attribute = name.removeprefix("PISTAT_").lower()

    assert vars(actual) == {**vars(Settings()), attribute: value}
    assert type(getattr(actual, attribute)) is type(value)


NOT_WHOLE = (
    *("", " ", "abc", "-1", "+1", "1.0", "1e3", "1_000", "0x2189", "１２", "٣", "²", "1 ", " 1", "1\n"),
    *("nan", "inf", "true", "9" * 10, "$PORT", "1;2"),
)
BAD: list[tuple[str, str, str]] = [
    *(("PISTAT_PORT", text, PORT) for text in (*NOT_WHOLE, "0", "65536", "74121", "８５８５", " 8585")),
    *(
        ("PISTAT_HOST", text, HOST)
        for text in (
            *("", "*", "http://x", "http://127.0.0.1", "256.1.1.1", "1.2.3", "1.2.3.4.5", "127.0.0.1:8585"),
            *("[::1]", ":::", "::1/64", "0.0.0.0/0", " ::", ":: ", "0", "2130706433", "0x7f.0.0.1", "127.1"),
            *("１２７.0.0.1", "010.0.0.1", "pi.local", "LOCALHOST", "localhost.", "eth0", "/run/x"),
            *("fe80::1%", "fe80::1%eth0\nERROR forged", "fe80::1%\x1b[2J", "fe80::1% eth0", "fe80::1%é"),
        )
    ),
    *(
        ("PISTAT_CACHE_SECONDS", text, CACHE)
        for text in (
            *("", "nan", "NaN", "inf", "-inf", "Infinity", "-1", "-0", "3601", "3600.1", "1e3", "1E3", ".5"),
            *("5.", "0,5", "1_0", "+1", " 2", "2 ", "2s", "0x2", "０.５", "1.2.3", "abc", "9" * 10),
        )
    ),
    *(
        (name, text, FLAG)
        for name in ("PISTAT_DEBUG", "PISTAT_RATE_LIMIT_ENABLED")
        for text in ("", "maybe", "2", "-1", "t", "f", "y", "n", "none", "null", " true", "true ", "１", "01")
    ),
    *(
        ("PISTAT_LOG_LEVEL", text, LEVEL)
        for text in ("", "loud", "WARN", "FATAL", "NOTSET", "TRACE", "20", "INFO ", "INFO,DEBUG", "ınfo")
    ),
    *(("PISTAT_RATE_LIMIT_REQUESTS", text, REQUESTS) for text in (*NOT_WHOLE, "0", "100001")),
    *(("PISTAT_RATE_LIMIT_WINDOW", text, WINDOW) for text in (*NOT_WHOLE, "0", "86401", "0.5")),
    *(
        ("PISTAT_ALLOWED_HOSTS", text, NAMES)
        for text in (
            *(",", "a,", "a,,b", "*,a", "*.example.org", "a b", "http://a", "a/b", "é.org", "fd00::1"),
            *("[x]", ".a", "a..b", "a@b", "a:b", "a" * 64, " "),
        )
    ),
    *(
        ("PISTAT_CORS_ORIGINS", text, ORIGINS)
        for text in (
            *("*", "null", "a.local", "http://a/", "http://a/b", "http://a,", "//a", "http://", "http://a b"),
            *("http://u:p@a", "http://a:x", "http://a:123456", "http://é", "http://*.a"),
        )
    ),
    *(
        ("PISTAT_NEIGHBOURS", text, NEIGHBOURS)
        for text in (
            "a,",
            "javascript:alert(1)",
            "a b",
            "a:0",
            "a:65536",
            "http://",
            "x=",
            "=a",
            "http://u:p@a",
        )
    ),
    *(("PISTAT_TRUSTED_PROXIES", text, PROXIES) for text in (*NOT_WHOLE, "11", "127.0.0.1")),
]


@pytest.mark.parametrize(("name", "text", "accepts"), BAD)
def test_bad(name: str, text: str, accepts: str) -> None:
    """A value that is not accepted stops the start with its name, itself and what is accepted."""
    with pytest.raises(BadSettingError) as error:
        load({name: text}, NO_FILE)

    shown = text.replace("\n", "\\n").replace("\x1b", "\\x1b")
    was = f'"{shown}"' if len(text) < 24 and "@" not in text else "not accepted"
    assert str(error.value) == f"{name} is {was}; expected {accepts}."


BROKER = "mqtt://user:password@host:1883, mqtts://user:password@host:8883, or empty for none"
BROKERS = ("http://h", "mqtt://", "mqtt://h/a-path", "mqtt://u:secret@h:99999", "mqtt://a,mqtt://b", "h:1883")
NTFY = (
    "ntfy://h",
    "ntfy://h/",
    "ntfy://h/a.topic",
    "ntfy://h/topic?x=1",
    f"ntfy://h/{'x' * 65}",
    "smtp://h/x",
)


@pytest.mark.parametrize("text", BROKERS)
def test_a_bad_broker_is_not_shown(text: str) -> None:
    """It may hold a password."""
    with pytest.raises(BadSettingError) as raised:
        load({"PISTAT_MQTT_URL": text}, NO_FILE)

    assert str(raised.value) == f"PISTAT_MQTT_URL is not accepted; expected {BROKER}."


@pytest.mark.parametrize("name", ["PISTAT_NOTIFY", "PISTAT_HEARTBEAT_URL"])
@pytest.mark.parametrize(
    "text",
    ["http://h:80a/x", "http://h:123456/x", "http://h:/x", "http://me:pass@word@h/x", "http://me:\udcff@h/x"],
)
def test_an_address_is_not_guessed(name: str, text: str) -> None:
    """What is mistyped might go to somebody else, and what is not in UTF-8 could never be sent."""
    with pytest.raises(BadSettingError, match=f"{name} is not accepted; expected"):
        load({name: text}, NO_FILE)


@pytest.mark.parametrize("text", NTFY)
def test_a_topic_that_ntfy_would_refuse(text: str) -> None:
    with pytest.raises(BadSettingError, match="PISTAT_NOTIFY is not accepted; expected URLs"):
        load({"PISTAT_NOTIFY": text}, NO_FILE)


def test_what_leads_somewhere() -> None:
    """Ports, credentials and whether it is encrypted."""
    [broker] = load({"PISTAT_MQTT_URL": "mqtts://pi:a%40b,c@[fe80::1]/"}, NO_FILE).mqtt_url
    topic, token = load({"PISTAT_NOTIFY": "ntfy://h/a_topic, ntfy+http://:tk_1@h:80/t"}, NO_FILE).notify

    assert (broker.host, broker.port, broker.credentials, broker.tls) == ("fe80::1", None, "pi:a@b,c", True)
    assert (topic.tls, token.tls, token.credentials) == (True, False, ":tk_1")
    assert load({"PISTAT_MQTT_DISCOVERY_PREFIX": ""}, NO_FILE).mqtt_discovery_prefix == ""
    for wrong in ("a/", "/a", "a#", "+", "a b", "x" * 65):
        with pytest.raises(BadSettingError):
            load({"PISTAT_MQTT_DISCOVERY_PREFIX": wrong}, NO_FILE)


@pytest.mark.parametrize("text", ["with blank", " x", "x\n", "\x00", "pässword", "x" * 257, "\udcff"])
def test_a_bad_token_is_not_shown(text: str) -> None:
    """A token that cannot be one is refused without a word of it."""
    with pytest.raises(BadSettingError) as error:
        load({"PISTAT_API_TOKEN": text}, NO_FILE)

    assert str(error.value) == f"PISTAT_API_TOKEN is not accepted; expected {TOKEN}."


def test_a_good_token_is_not_shown_either() -> None:
    """Settings that are printed by accident do not tell the token."""
    assert "correct-horse" not in repr(load({"PISTAT_API_TOKEN": "correct-horse"}, NO_FILE))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("85\n85", '"85\\n85"'),
        ("85\r\x1b[2J\x07", '"85\\r\\x1b[2J\\x07"'),
        ("\x9b\u2028\u202e", '"\\x9b\\u2028\\u202e"'),
        ("\udcff", '"\\udcff"'),
        ("9" * 5000, "not accepted"),
        ('"', '"""'),
    ],
)
def test_a_value_is_shown_in_one_line(text: str, shown: str) -> None:
    """A bad value is shown escaped, in one line; a long one may hold a secret, and is not."""
    with pytest.raises(BadSettingError) as error:
        load({"PISTAT_PORT": text}, NO_FILE)

    assert str(error.value) == f"PISTAT_PORT is {shown}; expected {PORT}."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PISTAT_NEIGHBOURS", "http://me:pw@attic/"),
        ("PISTAT_CORS_ORIGINS", "http://me:pw@attic"),
        ("PISTAT_ALLOWED_HOSTS", "me:pw@attic"),
        ("PISTAT_MQTT_DISCOVERY_PREFIX", "me:pw@attic"),
        ("PISTAT_LIMITS", "me:pw@attic"),
        ("PISTAT_PORT", "8585pw"),
        ("PISTAT_LIMITS", "pw=5"),
    ],
)
def test_a_secret_in_another_setting_is_not_shown(name: str, text: str) -> None:
    """A URL with a password, and what is the secret of a setting."""
    with pytest.raises(BadSettingError) as error:
        load({name: text, "PISTAT_API_TOKEN": "pw"}, NO_FILE)

    assert str(error.value).startswith(f"{name} is not accepted; expected ")
    assert "pw" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("PISTAT_PROT", " Did you mean PISTAT_PORT?"),
        ("PISTAT_LOGLEVEL", " Did you mean PISTAT_LOG_LEVEL?"),
        ("PISTAT_CACHE_SECOND", " Did you mean PISTAT_CACHE_SECONDS?"),
        ("PISTAT_port", None),
        ("PISTAT_X", None),
        ("PISTAT_ZZZZZZZZZZZZZZZZZZZZ", ""),
        ("PISTAT_", None),
    ],
)
def test_unknown(caplog: pytest.LogCaptureFixture, name: str, hint: str | None) -> None:
    """A setting that there is not is one warning, with the one that may be meant, and changes nothing."""
    with caplog.at_level(logging.WARNING):
        actual = load({name: "5"}, NO_FILE)

    assert actual == Settings()
    [message] = caplog.messages
    assert message.startswith(f'"{name}" is not a setting of pi-stat and was ignored.')
    assert hint is None or message.endswith(f"ignored.{hint}")


@pytest.mark.parametrize("name", ["PORT", "pistat_port", "XPISTAT_PORT", "PISTATPORT", "FLASK_DEBUG"])
def test_not_ours(caplog: pytest.LogCaptureFixture, name: str) -> None:
    """What does not begin with PISTAT_ is somebody else's."""
    assert load({name: "x"}, NO_FILE) == Settings()
    assert caplog.messages == []


# The file


@pytest.mark.parametrize(
    ("content", "port"),
    [
        (b"", 8585),
        (b"\n\n# nothing\n", 8585),
        (b"PISTAT_PORT=1234\n", 1234),
        (b"PISTAT_PORT=1234", 1234),
        (b"PISTAT_PORT='1234'\n", 1234),
        (b'PISTAT_PORT="1234"\n', 1234),
        (b"  PISTAT_PORT = 1234  # the usual one\n", 1234),
        (b"PISTAT_PORT='1234' # the usual one\n", 1234),
        (b"#PISTAT_PORT=1\nPISTAT_PORT=1234\n", 1234),
        (b"export PISTAT_PORT=1234\n", 1234),
        (b"PISTAT_PORT=1234\r\n# next\r\n\r\nPISTAT_DEBUG=off\r\n", 1234),
        (b"\xef\xbb\xbfPISTAT_PORT=1234\n", 1234),
        (b"PISTAT_PORT=1\nPISTAT_PORT=1234\n", 1234),
        (b"HOME=/x\nPATH=$PATH:/y\nPORT=1\nPISTAT_PORT=1234\n", 1234),
        ("# für den Pi\nPISTAT_PORT=1234 # Küche\n".encode(), 1234),
    ],
)
def test_file(tmp_path: Path, content: bytes, port: int) -> None:
    """A file may have quotes, comments, `export`, other lines, and the line ends and BOM of Windows."""
    file = tmp_path / ".env"
    file.write_bytes(content)

    assert load({}, file) == Settings(port=port)


def test_the_environment_wins(tmp_path: Path) -> None:
    """The file says what the environment does not, even where it says something bad."""
    file = tmp_path / ".env"
    file.write_text("PISTAT_PORT=1\nPISTAT_HOST=nonsense\nPISTAT_CACHE_SECONDS=7\n")

    actual = load({"PISTAT_PORT": "2", "PISTAT_HOST": "::1"}, file)

    assert actual == Settings(port=2, host="::1", cache_seconds=7.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("PISTAT_HOST=$HOME", f'PISTAT_HOST is "$HOME"; expected {HOST}.'),
        ('PISTAT_HOST="${HOME}"', f'PISTAT_HOST is "${{HOME}}"; expected {HOST}.'),
        ("PISTAT_PORT=$PISTAT_PORT", f'PISTAT_PORT is "$PISTAT_PORT"; expected {PORT}.'),
        ("PISTAT_PORT=$(id)", f'PISTAT_PORT is "$(id)"; expected {PORT}.'),
        ("PISTAT_PORT=", f'PISTAT_PORT is ""; expected {PORT}.'),
        ("PISTAT_PORT=1234 5678", f'PISTAT_PORT is "1234 5678"; expected {PORT}.'),
        ("PISTAT_PORT=1234;", f'PISTAT_PORT is "1234;"; expected {PORT}.'),
        ('PISTAT_PORT="12\\n34"', f'PISTAT_PORT is "12\\n34"; expected {PORT}.'),
    ],
)
def test_a_file_is_taken_at_its_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, message: str
) -> None:
    """Nothing in a file is expanded or run, and a bad value in it is told like any other."""
    monkeypatch.setenv("HOME", "127.0.0.1")
    monkeypatch.setenv("PISTAT_PORT", "1234")
    file = tmp_path / ".env"
    file.write_text(f"{line}\n")

    with pytest.raises(BadSettingError) as error:
        load({}, file)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("PISTAT_PORT\n", 1),
        ("PISTAT PORT=1\n", 1),
        ("PISTAT_DEBUG=on\nPISTAT_PORT: 8585\n", 2),
        ("# one\n\nPISTAT_DEBUG=on\n\n\nport 8585\n", 6),
        ("PISTAT_DEBUG=on\n\n  nonsense\n", 3),
        ("PISTAT_PORT='8585\nPISTAT_DEBUG=on\n", 1),
        ('PISTAT_PORT="8585" 8586\n', 1),
        ("=8585\n", 1),
        ("[pistat]\n", 1),
        ("PISTAT_DEBUG=on\r\n\r\nnonsense\r\n", 3),
    ],
)
def test_a_line_that_is_none(tmp_path: Path, content: str, line: int) -> None:
    """A line that is no assignment stops the start, with the file and the number of the line."""
    file = tmp_path / ".env"
    file.write_bytes(content.encode())

    with pytest.raises(BadSettingError) as error:
        load({}, file)

    assert str(error.value) == f"{file} line {line} is not understood; {LINES}"


def test_an_unknown_setting_in_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A setting that there is not is the same warning when it stands in the file."""
    file = tmp_path / ".env"
    file.write_text("PISTAT_PROT=1\nPROT=1\n")

    assert load({}, file) == Settings()
    assert caplog.messages == [
        '"PISTAT_PROT" is not a setting of pi-stat and was ignored. Did you mean PISTAT_PORT?'
    ]


@pytest.mark.parametrize("content", [b"# f\xfcr\n", "PISTAT_PORT=1\n".encode("utf-16"), b"\xff\xfe\x00"])
def test_a_file_in_another_encoding(tmp_path: Path, content: bytes) -> None:
    """A file that is not UTF-8 stops the start, and is named."""
    file = tmp_path / ".env"
    file.write_bytes(content)

    with pytest.raises(BadSettingError) as error:
        load({}, file)

    assert str(error.value) == f"{file} is not UTF-8 text; {LINES}"


def test_a_file_that_leads_nowhere(tmp_path: Path) -> None:
    """A link to a file that is gone stops the start: what stood in it was meant to hold."""
    file = tmp_path / ".env"
    file.symlink_to(tmp_path / "gone")

    with pytest.raises(BadSettingError) as error:
        load({}, file)

    assert str(error.value) == f"{file} cannot be read: No such file or directory."


def test_a_file_that_is_a_folder(tmp_path: Path) -> None:
    """A folder of that name stops the start, and is named."""
    with pytest.raises(BadSettingError) as error:
        load({}, tmp_path)

    assert str(error.value).startswith(f"{tmp_path} is not a file; ")
    assert "\n" not in str(error.value)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, if we have them."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_file_that_may_not_be_read(require: Require) -> None:
    """A file without the right to read it stops the start, and is named; it is not taken for absent."""
    require(hasattr(os, "geteuid"), "users as Unix has them", installed=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        file = folder / ".env"
        file.write_text("PISTAT_PORT=1234\n")
        file.chmod(0)
        with as_nobody(), pytest.raises(BadSettingError) as error:
            load({}, file)
        file.chmod(0o444)
        with as_nobody():
            assert load({}, file).port == 1234
        folder.chmod(0)
        with as_nobody(), pytest.raises(BadSettingError) as in_folder:
            load({}, file)
        folder.chmod(0o755)

    assert str(error.value) == f"{file} cannot be read: Permission denied."
    assert str(in_folder.value) == str(error.value)


# The process


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The program in a folder of its own."""
    folder = tmp_path / "program"
    folder.mkdir()
    shutil.copy(PROGRAM, folder)
    for name in ("pistat", "templates"):
        shutil.copytree(PROGRAM.parent / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / PROGRAM.name


def run(
    program: Path, given: Mapping[str, str], folder: Path | None = None, *options: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options] if options else [sys.executable, str(program)]
    return subprocess.run(
        command,
        env=clean_environment(given),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        *(
            ("PISTAT_PORT", text, f'PISTAT_PORT is "{text}"; expected {PORT}.')
            for text in ("0", "65536", "74121", "８５８５", "0x2189", "")
        ),
        ("PISTAT_HOST", "http://x", f'PISTAT_HOST is "http://x"; expected {HOST}.'),
        ("PISTAT_RATE_LIMIT_WINDOW", "0", f'PISTAT_RATE_LIMIT_WINDOW is "0"; expected {WINDOW}.'),
        ("PISTAT_RATE_LIMIT_REQUESTS", "0", f'PISTAT_RATE_LIMIT_REQUESTS is "0"; expected {REQUESTS}.'),
        ("PISTAT_RATE_LIMIT_ENABLED", "maybe", f'PISTAT_RATE_LIMIT_ENABLED is "maybe"; expected {FLAG}.'),
        ("PISTAT_API_TOKEN", "a secret", f"PISTAT_API_TOKEN is not accepted; expected {TOKEN}."),
        ("PISTAT_ALLOWED_HOSTS", "a,,b", f'PISTAT_ALLOWED_HOSTS is "a,,b"; expected {NAMES}.'),
        ("PISTAT_CORS_ORIGINS", "*", f'PISTAT_CORS_ORIGINS is "*"; expected {ORIGINS}.'),
        ("PISTAT_TRUSTED_PROXIES", "-1", f'PISTAT_TRUSTED_PROXIES is "-1"; expected {PROXIES}.'),
        ("PISTAT_PORT", "85\n85", f'PISTAT_PORT is "85\\n85"; expected {PORT}.'),
        ("PISTAT_HOST", "\udcff", f'PISTAT_HOST is "\\udcff"; expected {HOST}.'),
        ("PISTAT_CACHE_SECONDS", "nan", f'PISTAT_CACHE_SECONDS is "nan"; expected {CACHE}.'),
        ("PISTAT_DEBUG", "maybe", f'PISTAT_DEBUG is "maybe"; expected {FLAG}.'),
        ("PISTAT_LOG_LEVEL", "", f'PISTAT_LOG_LEVEL is ""; expected {LEVEL}.'),
    ],
)
def test_the_process_ends_with_78(name: str, text: str, message: str) -> None:
    """A bad setting is one line on standard error and exit status 78, known to service managers."""
    ended = run(PROGRAM, {name: text})

    assert (ended.returncode, ended.stdout, ended.stderr) == (BAD_CONFIGURATION, "", f"pi-stat: {message}\n")


def not_understood(file: Path) -> str:
    file.write_text("# mine\nnonsense\n")
    return f"{file} line 2 is not understood; {LINES}"


def not_text(file: Path) -> str:
    file.write_bytes(b"\xff\xfe")
    return f"{file} is not UTF-8 text; {LINES}"


def not_a_file(file: Path) -> str:
    file.mkdir()
    return f"{file} is not a file; expected one with lines such as PISTAT_PORT=8585."


def not_there(file: Path) -> str:
    file.symlink_to("/nowhere/env")
    return f"{file} cannot be read: No such file or directory."


def with_a_bad_token(file: Path) -> str:
    file.write_text("PISTAT_API_TOKEN='a secret'\n")
    return f"PISTAT_API_TOKEN is not accepted; expected {TOKEN}."


def with_a_variable(file: Path) -> str:
    file.write_text("PISTAT_HOST=$HOME\n")
    return f'PISTAT_HOST is "$HOME"; expected {HOST}.'


@pytest.mark.parametrize(
    "make", [not_understood, not_text, not_a_file, not_there, with_a_bad_token, with_a_variable]
)
def test_the_process_ends_with_78_for_its_file(copy: Path, make: Callable[[Path], str]) -> None:
    """The file is the one beside the program; what is wrong with it is one line and status 78."""
    message = make(copy.parent / ".env")

    ended = run(copy, {})

    assert (ended.returncode, ended.stdout, ended.stderr) == (BAD_CONFIGURATION, "", f"pi-stat: {message}\n")


def test_a_reason_is_one_line(copy: Path) -> None:
    """So it is where the folder of the program has a name of two lines."""
    folder = copy.parent.rename(copy.parent.with_name("new\nline"))
    (folder / ".env").write_text("nonsense\n")
    shown = str(folder).replace("\n", "\\n")

    ended = run(folder / copy.name, {})

    assert ended.stderr == f"pi-stat: {shown}/.env line 1 is not understood; {LINES}\n"


def test_the_file_of_the_working_directory_is_not_read(copy: Path, tmp_path: Path) -> None:
    """Where the program is started from does not matter: only the file beside the program is read."""
    (tmp_path / ".env").write_text("nonsense of the working directory\n")
    (copy.parent / ".env").write_text("PISTAT_PORT=99999\n")

    ended = run(copy, {}, tmp_path)

    assert ended.stderr == f'pi-stat: PISTAT_PORT is "99999"; expected {PORT}.\n'


@pytest.fixture
def begin(copy: Path) -> Iterator[Callable[..., Daemon]]:
    """Start the copy."""
    started: list[Daemon] = []

    def start(**given: str) -> Daemon:
        daemon = Daemon(given, [sys.executable, str(copy)])
        started.append(daemon)
        daemon.wait_until_ready()
        return daemon

    yield start
    for each in started:
        each.kill()


def test_a_daemon_with_a_file(copy: Path, begin: Callable[..., Daemon]) -> None:
    """A daemon runs by the file beside it, and by the environment where that says otherwise."""
    (copy.parent / ".env").write_text("PISTAT_RATE_LIMIT_REQUESTS=7\nPISTAT_RATE_LIMIT_WINDOW=70\n")

    daemon = begin(PISTAT_RATE_LIMIT_WINDOW="80")
    answer = daemon.get("/stats?fields=uptime")

    assert answer.headers["ratelimit-limit"] == "7"
    assert 70 < int(answer.headers["ratelimit-reset"]) <= 80


def test_a_daemon_with_an_unknown_setting(start: Callable[..., Daemon]) -> None:
    """A daemon with a setting that there is not starts, and says so once."""
    daemon = start(PISTAT_PROT="1")

    lines = [line for line in daemon.log().splitlines() if not line.startswith("INFO ")]
    assert lines == [
        'WARNING "PISTAT_PROT" is not a setting of pi-stat and was ignored. Did you mean PISTAT_PORT?'
    ]


@pytest.mark.parametrize(("level", "listening"), [("info", True), ("Warning", False), ("CRITICAL", False)])
def test_the_level_of_the_log(start: Callable[..., Daemon], level: str, listening: bool) -> None:
    """The log keeps what is as important as its level, or more."""
    assert ("INFO Listening on" in start(PISTAT_LOG_LEVEL=level).log()) is listening


# A token that somebody has tried to set

SECRET = "6f2c9d41b7e05a38c4d19e7260fb8a53"
OPEN = {
    "lower case": f"pistat_api_token={SECRET}\n",
    "no prefix": f"API_TOKEN={SECRET}\n",
    "dashes": f"PISTAT-API-TOKEN={SECRET}\n",
    "blanks": f"PISTAT API TOKEN={SECRET}\n",
    "zero width": f"\u200bPISTAT_API_TOKEN={SECRET}\n",
    "full width": f"ＰＩＳＴＡＴ＿ＡＰＩ＿ＴＯＫＥＮ={SECRET}\n",
    "an open quote": f'PISTAT_ALLOWED_HOSTS="a\nPISTAT_API_TOKEN={SECRET}\nb"\n',
    "an open quote that is accepted": f"X='\nPISTAT_API_TOKEN={SECRET}'\n",
    "no line end": f"PISTAT_DEBUG=yesPISTAT_API_TOKEN={SECRET}\n",
    "a form feed": f"PISTAT_DEBUG=yes\fPISTAT_API_TOKEN={SECRET}\n",
    "a line separator": f"PISTAT_DEBUG=yes\u2028PISTAT_API_TOKEN={SECRET}\n",
    "in the name": f"PISTAT_API_TOKEN{SECRET}=\n",
    "taken back": f"PISTAT_API_TOKEN={SECRET}\nPISTAT_API_TOKEN=\n",
    "on the next line": f"PISTAT_API_TOKEN=\n{SECRET}\n",
    "a colon": f"PISTAT_API_TOKEN: {SECRET}\n",
    "no sign": f"PISTAT_API_TOKEN {SECRET}\n",
    "a password": f"PISTAT_PASSWORD={SECRET}\n",
    "a secret": f"export pistat_secret={SECRET}\n",
    "half of the name": f"TOKEN={SECRET}\n",
    "on the next line, in base64": "PISTAT_API_TOKEN=\n\n#\nHV5At8dCnFwwmE38In7ygnjWQ5rJE8S3fBXm0wLgbWY=\n",
    "slips in the prefix": f"PISAT_TOKEN={SECRET}\n",
    "a token of its own name": f"ACCESS_TOKEN={SECRET}\n",
    "a password without a prefix": f"export password={SECRET}\n",
    "another word": f"PISTAT_TOKEN={SECRET}\n",
}


def refused(file: Path, text: str, environment: Mapping[str, str] | None = None) -> str:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadSettingError) as error:
        load(environment or {}, file)
    return str(error.value)


@pytest.mark.parametrize("text", OPEN.values(), ids=OPEN)
def test_who_tries_to_set_a_token_is_not_open(tmp_path: Path, text: str) -> None:
    """A file that means to set a token and does not stops the start, and nothing shows the token."""
    assert SECRET not in refused(tmp_path / ".env", text)


def test_a_token_of_the_file_is_not_taken_back_by_the_environment(tmp_path: Path) -> None:
    """An empty variable does not open what the file closes."""
    refused(tmp_path / ".env", f"PISTAT_API_TOKEN={SECRET}\n", {"PISTAT_API_TOKEN": ""})
    refused(tmp_path / ".env", "", {"pistat_api_token": SECRET})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PISTAT_API_TOKEN=\n",
        "#PISTAT_API_TOKEN=x\n",
        "export PISTAT_API_TOKEN=''  # none\n",
        "PISTAT_API_TOKEN=\n\n export PISTAT_PORT=8585\n# x\nTZ=UTC\n",
        "# a token\n",
    ],
)
def test_who_wants_no_token_is_open(tmp_path: Path, text: str) -> None:
    """An empty token, or one in a comment, is none; what other programs have is not our business."""
    file = tmp_path / ".env"
    file.write_text(text)

    assert load({"GITHUB_TOKEN": "x", "API_TOKEN": "y"}, file).api_token == ""


SLIPS = ["", *" \t=-'\"\\\f\r\n$`:x", "\u200b", "\u2028", "\u202e"]


def test_mutations_of_a_good_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a slip of the hand does to a file with a token, it never opens it, nor shows the token."""
    others = ("PISTAT_PORT=8600\nPISTAT_DEBUG=no\n", "PISTAT_ALLOWED_HOSTS=pi.example.org\n")
    good = f"{others[0]}PISTAT_API_TOKEN={SECRET}\n{others[1]}"
    file, chance, closed = tmp_path / ".env", random.Random(8585), 0
    for _ in range(3000):
        place = chance.randrange(len(good))
        text = good[:place] + chance.choice(SLIPS) + good[place + chance.randrange(2) :]
        file.write_text(text, encoding="utf-8")
        try:
            assert load({}, file).api_token, text
            closed += 1
        except BadSettingError as error:
            caplog.handler.emit(logging.makeLogRecord({"msg": str(error)}))
    assert closed > 1000
    assert SECRET not in caplog.text


def test_a_large_file(tmp_path: Path) -> None:
    """A file of gigabytes is not read."""
    file = tmp_path / ".env"
    with file.open("wb") as made:
        made.truncate(3 << 30)

    with pytest.raises(BadSettingError, match=r"has 3221225472 bytes; expected at most 65536\.$"):
        load({}, file)
