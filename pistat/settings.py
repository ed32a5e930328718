"""The settings, each declared once: name, default, what is accepted, and a sentence of help.

README, `.env.example`, the guide and the check at start are all made from `Settings`.
"""

from __future__ import annotations

import dataclasses
import difflib
import io
import ipaddress
import logging
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dotenv.parser import parse_stream

from pistat import hosts
from pistat.diagnosis.finding import Stage
from pistat.diagnosis.limits import LIMITS
from pistat.text import did_you_mean, quoted
from pistat.validators import FLAG, BadValueError, Kind, Url, decimal, urls, whole

PREFIX = "PISTAT_"
TOKEN_NAME = "PISTAT_API_TOKEN"  # noqa: S105 - a name
TOKEN_LINE = f"expected {TOKEN_NAME}= and the token, in capitals and on a line of its own."
NO_TOKEN = re.compile(rf"(?:export\s+)?{TOKEN_NAME}\s*=\s*(?:''|\"\")?\s*(?:\s#.*)?")
"""A line that says that no token is wanted."""

NAME = re.compile(r"\s*(?:export\s+)?[A-Z][A-Z0-9_]*\s*=")
"""How a line begins that sets something."""

OTHER_NAMES = re.compile(
    "(?!PISTAT).*(?:TOKEN|PASSWORD|PASSWD|SECRET)"
    "|(?:EXPORT)?PISTAT(?:API|AUTH)?(?:PASSWORD|PASSWD|PASS|SECRET|KEY|AUTH)"
)
"""Letters of other names by which somebody may have meant to set the token."""

LARGEST = 65_536
"""Bytes of a `.env` file."""

LONGEST_TOPIC = 64
"""Characters of the beginning of a topic."""

SHOWN = 23
"""Characters of a value that is shown in a message."""

T = TypeVar("T")

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class BadSettingError(ValueError):
    """A setting that cannot be used; its text is the one line that the owner reads."""


def shown(text: str, otherwise: str) -> str:
    """Return a name or value in quotes for a message, unless it may hold a secret.

    A line end that is missing, or a quote that is open, brings what follows into a value; a token of 24
    characters or more is never shown, whatever it has been written behind, nor is a URL with a password.
    """
    long = len(text) > SHOWN and not re.fullmatch("[A-Z_]{,40}", text)
    return otherwise if long or "@" in text or _means_a_token(text) else quoted(text)


def address(text: str) -> str:
    """Accept an IP address, or `localhost`."""
    # What stands behind a `%` may be anything to Python; to the kernel it is the name of an interface.
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError
    return text if text == "localhost" else str(ipaddress.ip_address(text))


def level(text: str) -> str:
    """Accept the name of a log level; return it in upper case."""
    # A dotless i, too, is an I in upper case.
    if not text.isascii() or text.upper() not in LEVELS:
        raise ValueError
    return text.upper()


def token(text: str) -> str:
    """Accept what fits into a header as it is; empty for none."""
    if not re.fullmatch(r"[!-~]{0,256}", text):
        raise ValueError
    return text


def host_names(text: str) -> tuple[str, ...]:
    """Accept names as a Host header has them, or `*`."""
    if text == "*":
        return ("*",)
    names = [hosts.host(item.strip(" ")) for item in _listed(text)]
    if None in names:
        raise ValueError
    return tuple(name for name in names if name)


def origins(text: str) -> tuple[str, ...]:
    """Accept origins as browsers send them."""
    found = tuple(item.strip(" ").lower() for item in _listed(text))
    if not all(ORIGIN.fullmatch(origin) for origin in found):
        raise ValueError
    return found


def interval(text: str) -> int:
    """Accept a whole number of seconds within reason, or 0 for never."""
    return 0 if text == "0" else int(whole(5, 300).read(text))


def targets(text: str) -> tuple[Url, ...]:
    """Accept where notifications go; a URL of ntfy must name a topic."""
    found = urls("http", "https", "ntfy", "ntfy+http")(text)
    topics = [url.path.rpartition("/")[2] for url in found if url.scheme.startswith("ntfy")]
    if not all(NTFY_TOPIC.fullmatch(name) for name in topics):
        raise ValueError
    return found


def one_url(text: str) -> tuple[Url, ...]:
    """Accept one URL, in which commas are ordinary characters; empty for none."""
    return urls("http", "https")(text.replace(",", "%2C"))


def broker(text: str) -> tuple[Url, ...]:
    """Accept the URL of an MQTT broker; empty for none."""
    return urls("mqtt", "mqtts", path="/?")(text.replace(",", "%2C"))


def topic(text: str) -> str:
    """Accept how topics begin; empty for none."""
    if not re.fullmatch(r"(?:[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*)?", text) or len(text) > LONGEST_TOPIC:
        raise ValueError
    return text


def neighbours(text: str) -> tuple[Neighbour, ...]:
    """Accept other machines with pi-stat: names, addresses or URLs, each after a name to show if wanted."""
    return tuple(_neighbour(item.strip(" ")) for item in _listed(text))


def _neighbour(text: str) -> Neighbour:
    found = NEIGHBOUR.fullmatch(text)
    if not found or not 0 < int(found["port"] or 1) < 65536:  # noqa: PLR2004
        raise ValueError
    port = found["port"] or ("" if found["scheme"] else "8585")
    url = (
        f"{(found['scheme'] or 'http').lower()}://{found['host']}{port and ':' + port}{found['path'] or '/'}"
    )
    return Neighbour((found["name"] or found["host"]).strip(), url)


def severity(text: str) -> str:
    """Accept the word of a severity."""
    if text not in SEVERITIES:
        raise ValueError
    return text


def _listed(text: str) -> list[str]:
    return text.split(",") if text else []


NTFY_TOPIC = re.compile("[-_A-Za-z0-9]{1,64}")
"""As its server has it."""

ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)

NEIGHBOUR = re.compile(
    r"(?:(?P<name>[^=,/]{1,40})=)?(?:(?P<scheme>https?)://)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!-~]*)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Neighbour:
    """Another machine with pi-stat, to which the page links: the name to show, and its URL."""

    name: str
    url: str


ADDRESS = Kind(address, "an IPv4 or IPv6 address, or localhost")
LEVEL = Kind(level, "one of " + ", ".join(LEVELS))
TOKEN = Kind(token, "at most 256 visible ASCII characters, without spaces; empty for none")
NAMES = Kind(host_names, "names separated by commas, such as pi.example.org; or * for all")
INTERVAL = Kind(interval, "0, or a whole number from 5 to 300")
SEVERITIES = ("info", "warning", "critical")
SEVERITY = Kind(severity, "one of " + ", ".join(SEVERITIES))
TARGETS = Kind(
    targets,
    "URLs separated by commas: http://, https://, ntfy://host/topic, ntfy+http://host/topic; or empty",
)
BROKER = Kind(broker, "mqtt://user:password@host:1883, mqtts://user:password@host:8883, or empty for none")
TOPIC = Kind(topic, "letters, digits, _ and -, with / between; empty for none")
ONE_URL = Kind(one_url, "a URL that begins with http:// or https://; empty for none")
NEIGHBOURS = Kind(
    neighbours, "hosts or URLs separated by commas, such as attic.local or Attic=http://192.168.1.20:8585"
)
ORIGINS = Kind(origins, "origins separated by commas, such as http://dashboard.local:3000")


def setting(default: str, kind: Kind, text: str, *, secret: bool = False) -> Any:
    """Declare a field of `Settings`: its default as an owner would write it, its kind, its help."""
    metadata = {"default": default, "kind": kind, "help": text, "secret": secret}
    return dataclasses.field(default=kind.read(default), metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """Everything an owner may choose. Each is read from `PISTAT_` and its name in capitals."""

    port: int = setting("8585", whole(1, 65535), "Port to listen on.")
    host: str = setting(
        "0.0.0.0",  # noqa: S104 - the LAN is who asks
        ADDRESS,
        "Address to listen on: 0.0.0.0 is all of IPv4, :: all of IPv4 and IPv6.",
    )
    cache_seconds: float = setting(
        "2", decimal(0, 3600), "Seconds for which readings are cached; 0 turns the cache off."
    )
    debug: bool = setting("False", FLAG, "Log more; answers stay the same.")
    log_level: str = setting("INFO", LEVEL, "The lowest level of message that is logged.")
    rate_limit_enabled: bool = setting("True", FLAG, "Whether the requests of each client are limited.")
    rate_limit_requests: int = setting(
        "60", whole(1, 100_000), "Requests that a client may make in PISTAT_RATE_LIMIT_WINDOW seconds."
    )
    rate_limit_window: int = setting(
        "60", whole(1, 86_400), "Length of the window of the rate limit, in seconds."
    )
    api_token: str = setting(
        "", TOKEN, "The token that clients must send; if empty, everyone can read.", secret=True
    )
    allowed_hosts: tuple[str, ...] = setting(
        "",
        NAMES,
        "Extra names under which this Pi may be opened, besides its own name and addresses. "
        "All other names are refused.",
    )
    cors_origins: tuple[str, ...] = setting(
        "", ORIGINS, "Origins of other web pages that may read the answers in a browser."
    )
    trusted_proxies: int = setting(
        "0", whole(0, 10), "Number of reverse proxies in front of pi-stat whose `X-Forwarded-For` is trusted."
    )
    history_seconds: int = setting(
        "10",
        INTERVAL,
        "Seconds between the samples of the history; 0 turns it off. 30 suits a board with one core.",
    )
    history_save: bool = setting(
        "True",
        FLAG,
        "Whether the history and the events are kept across restarts and reboots.",
    )
    glances_api: bool = setting(
        "True", FLAG, "Whether `/api/4/` answers as Glances does, for Home Assistant, Homepage and Dashy."
    )
    limits: tuple[tuple[str, tuple[Stage, ...]], ...] = setting(
        "",
        LIMITS,
        "Other limits for the findings of `/diagnosis`, as id=number; id=off switches a finding off.",
    )
    notify: tuple[Url, ...] = setting(
        "", TARGETS, "Where to send a message when a finding begins or ends.", secret=True
    )
    notify_from: str = setting(
        "warning", SEVERITY, "Send messages only for findings of this severity or worse."
    )
    notify_repeat: int = setting(
        "0", whole(0, 168), "Repeat the message every so many hours while the finding lasts; 0 for never."
    )
    heartbeat_url: tuple[Url, ...] = setting(
        "", ONE_URL, "A URL that is requested regularly while nothing is critical.", secret=True
    )
    heartbeat_seconds: int = setting("60", whole(30, 3600), "Seconds between two heartbeats.")
    mqtt_url: tuple[Url, ...] = setting(
        "", BROKER, "The MQTT broker to which the readings are published.", secret=True
    )
    mqtt_seconds: int = setting("60", whole(10, 3600), "Seconds between two publications by MQTT.")
    mqtt_discovery_prefix: str = setting(
        "homeassistant", TOPIC, "Prefix of the topics in which Home Assistant looks for devices."
    )
    show_ssid: bool = setting("False", FLAG, "Whether to show the name of the Wi-Fi network.")
    neighbours: tuple[Neighbour, ...] = setting(
        "", NEIGHBOURS, "Other machines with pi-stat to which the page links; pi-stat sends nothing to them."
    )


@dataclass(frozen=True)
class Setting:
    """One declared setting, as documentation and the check at start see it."""

    attribute: str
    default: str
    accepts: str
    help: str
    secret: bool
    read: Callable[[str], Any]

    @property
    def name(self) -> str:
        """Return the name of the environment variable."""
        return PREFIX + self.attribute.upper()

    @property
    def default_sentence(self) -> str:
        """Return the default as a sentence, in which an empty one cannot be mistaken for a word."""
        return f"Default {self.default}." if self.default else "Empty by default."


def _declared() -> Iterator[Setting]:
    for field in dataclasses.fields(Settings):
        declared = field.metadata
        default, kind, text, secret = (declared[key] for key in ("default", "kind", "help", "secret"))
        yield Setting(field.name, default, kind.accepts, text, secret, kind.read)


SETTINGS = tuple(_declared())


def load(environment: Mapping[str, str], env_file: Path) -> Settings:
    """Return the settings in force: the environment first, then `env_file`, then the defaults.

    Raises:
        BadSettingError: A value is not accepted, or the file cannot be read or understood.
    """
    given = {**read_env_file(env_file), **_ours(environment)}
    if not given.get(TOKEN_NAME):
        _refuse_a_token_that_is_not_set(environment, env_file)
    _warn_of_unknown(given)
    secrets = [given[declared.name] for declared in SETTINGS if declared.secret and given.get(declared.name)]
    return Settings(
        **{
            declared.attribute: _read(declared, given[declared.name], secrets)
            for declared in SETTINGS
            if declared.name in given
        }
    )


def read_env_file(path: Path) -> dict[str, str]:
    """Return the `PISTAT_` lines of a `.env` file, none if there is no file; `$NAME` stays as it is."""
    values: dict[str, str] = {}
    for line in parse_stream(io.StringIO(_content(path))):
        if line.error or (line.key is not None and line.value is None):
            # The parser counts the blank lines before an assignment as part of it.
            blank = re.split(r"\S", line.original.string, maxsplit=1)[0].count("\n")
            where = f"{path} line {line.original.line + blank}"
            raise BadSettingError(f"{where} is not understood; expected lines such as PISTAT_PORT=8585.")
        if line.key is not None and line.value is not None:
            values[line.key] = line.value
    return _ours(values)


def _content(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadSettingError(f"{path} is not a file; expected one with lines such as PISTAT_PORT=8585.")
        if status.st_size > LARGEST:
            raise BadSettingError(f"{path} has {status.st_size} bytes; expected at most {LARGEST}.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        # A link that leads nowhere is not the same as no file.
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return ""
        raise BadSettingError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadSettingError(f"{path} is not UTF-8 text; expected lines such as PISTAT_PORT=8585.") from None


def _refuse_a_token_that_is_not_set(environment: Mapping[str, str], env_file: Path) -> None:
    """Raise BadSettingError if somebody has tried to set a token and none is set: pi-stat would be open."""
    emptied = False
    for number, line in enumerate(_content(env_file).splitlines(), start=1):
        if _without_blanks(line)[:1] in {"", "#"}:
            continue
        # The token may stand on the line behind its name, and look like a name itself: many end with `=`.
        continued = emptied and not NAME.match(line)
        emptied = bool(NO_TOKEN.fullmatch(line.strip()))
        if continued or (_means_a_token(line) and not emptied):
            raise BadSettingError(f"{env_file} line {number} does not set {TOKEN_NAME}; {TOKEN_LINE}")
    for name, text in environment.items():
        if name != TOKEN_NAME and text and PREFIX.strip("_") in _letters(name) and _means_a_token(name):
            raise BadSettingError(f"A variable whose name is like {TOKEN_NAME} does not set it; {TOKEN_LINE}")


def _means_a_token(text: str) -> bool:
    """Return whether a line or a name is an attempt to set a token, slips of the hand included."""
    letters = _letters(text)
    names = (_letters(text.partition("=")[0]), letters[: len("PISTATAPITOKEN")])
    return bool(
        "APITOKEN" in letters
        or "APIKEY" in letters
        or ("PISTAT" in letters and "TOKEN" in letters)
        or OTHER_NAMES.fullmatch(names[0])
        or any(difflib.get_close_matches(name, ["PISTATAPITOKEN", "APITOKEN"], cutoff=0.85) for name in names)
    )


def _letters(text: str) -> str:
    """Return the letters of `text` in upper case, whatever is between them."""
    return "".join(filter(str.isalpha, unicodedata.normalize("NFKC", text))).upper()


def _without_blanks(text: str) -> str:
    """Return `text` without blanks and characters that cannot be seen."""
    return "".join(character for character in text if character.isprintable() and not character.isspace())


def _ours(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name.startswith(PREFIX)}


def _warn_of_unknown(given: Mapping[str, str]) -> None:
    known = {setting.name.removeprefix(PREFIX) for setting in SETTINGS}
    for name in given:
        word = name.removeprefix(PREFIX)
        if word not in known:
            hint = did_you_mean(word, known, PREFIX)
            logging.getLogger("pistat").warning(
                "%s is not a setting of pi-stat and was ignored.%s", shown(name, "A long name"), hint
            )


def _read(declared: Setting, text: str, secrets: Sequence[str]) -> Any:
    """Return the value of a setting. An error shows no value in which a secret of another may stand."""
    hidden = declared.secret or any(secret in text for secret in secrets)
    was = "not accepted" if hidden else shown(text, "not accepted")
    try:
        return declared.read(text)
    except BadValueError as error:
        if was != "not accepted":
            raise BadSettingError(f"{declared.name} has {error}.") from None
    except ValueError:
        pass
    raise BadSettingError(f"{declared.name} is {was}; expected {declared.accepts}.")
