"""A connection to an MQTT broker by paho-mqtt, which is imported only here, and only when it is needed."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from collections.abc import Callable
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pistat import slim_imports
from pistat.outbound.transport import SECONDS, tls_context, words
from pistat.validators import Url

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

KEEPALIVE = 60
"""Seconds; a broker that hears nothing for one and a half of them sends the last will."""

LONGEST = 4_096
"""Bytes of a packet of the broker: we have only asked for a word that Home Assistant says at its start."""

MOST_WAITING = 100
"""Messages of which the broker has not said that it has them."""

LOST = "the connection to the broker was lost"
ACCEPTED = "Success"
REFUSED = {
    "Bad user name or password": "the broker refused the user name or the password",
    "Not authorized": "the broker refused the user name or the password",
}


class BrokerError(Exception):
    """Why there is no connection, in words that never hold the URL."""


class _NoTls:
    """What paho-mqtt names of OpenSSL whenever a socket has nothing to read, even where there is none."""

    class SSLWantReadError(Exception):
        """Never raised."""

    SSLWantWriteError = SSLWantReadError


class _Mqtt5(str):
    """What paho-mqtt makes with each packet for MQTT 5; in 3.1.1, of all that a reason has its name."""

    __slots__ = ()

    def __new__(cls, packet: int, name: str = ACCEPTED, identifier: int = 0) -> Self:
        """Take what paho-mqtt gives."""
        del packet, identifier
        return super().__new__(cls, name)


UNUSED: dict[str, dict[str, object]] = {
    "paho.mqtt.properties": {"Properties": _Mqtt5},
    "paho.mqtt.reasoncodes": {"ReasonCode": _Mqtt5, "ReasonCodes": _Mqtt5},
    "paho.mqtt.subscribeoptions": {"SubscribeOptions": _Mqtt5},
    # It makes up a name only for a client without one.
    "uuid": {},
}
"""What paho-mqtt imports and we never use."""

PROXIES: dict[str, dict[str, object]] = {"urllib.request": {}}
"""It looks for proxies only where PySocks is installed."""


def _client(name: str) -> Client:
    """Return a client of paho-mqtt, which is imported only now."""
    try:
        with slim_imports.without(UNUSED if find_spec("socks") else UNUSED | PROXIES):
            from paho.mqtt import client, enums  # noqa: PLC0415 - only where a setting needs it
    except ImportError:
        raise BrokerError("paho-mqtt is not installed; requirements.txt names it") from None
    vars(client)["ssl"] = client.__dict__["ssl"] or _NoTls

    class Bounded(client.Client):
        """A client that takes no large packet, whose length it is told before it reads it."""

        def _sock_recv(self, bufsize: int) -> bytes:
            if bufsize > LONGEST:
                raise BrokerError(f"the broker sent {bufsize} bytes at once; expected at most {LONGEST}")
            return super()._sock_recv(bufsize)

        def _handle_publish(self) -> Any:
            # It keeps those of QoS 2 until the broker says that it may have them.
            if self._in_packet["command"] & 0x04:
                raise BrokerError("the broker sent a message with QoS 2; expected 1 at most")
            return super()._handle_publish()

    found = Bounded(enums.CallbackAPIVersion.VERSION2, client_id=name)
    found.max_queued_messages_set(MOST_WAITING)
    return found


class Connection:
    """One connection to the broker, for one thread; a `with` block that fails ends it with the last will.

    Args:
        url: The broker.
        name: The client ID.
        will: The topic on which the broker says `offline` when the connection breaks; empty for none.
        on_message: Is called with topic and payload of each message.
    """

    def __init__(
        self, url: Url, name: str, will: str = "", on_message: Callable[[str, bytes], None] | None = None
    ) -> None:
        self._url = url
        self._callback = on_message
        self._answer = ""
        self._client = _client(name)
        self._client.connect_timeout = SECONDS
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        user, _, password = url.credentials.partition(":")
        if user:
            self._client.username_pw_set(user, password or None)
        if will:
            self._client.will_set(will, "offline", qos=1, retain=True)
        if url.tls:
            self._client.tls_set_context(tls_context())

    def __enter__(self) -> Self:
        try:
            self._client.connect(
                self._url.host, self._url.port or (8883 if self._url.tls else 1883), KEEPALIVE
            )
        except (OSError, ValueError) as error:
            raise BrokerError(words(error)) from None
        try:
            self._await(lambda: bool(self._answer), SECONDS)
        except BaseException:
            self._break()
            raise
        if self._answer != ACCEPTED:
            self._break()
            raise BrokerError(REFUSED.get(self._answer, f"the broker refused it ({self._answer})"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._client.disconnect()
        self._break()

    def _break(self) -> None:
        with contextlib.suppress(OSError):
            if found := self._client.socket():
                found.close()

    def _on_connect(
        self,
        client: object,
        data: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        del client, data, flags, properties
        self._answer = str(reason)

    def _on_message(self, client: object, data: object, message: MQTTMessage) -> None:
        del client, data
        if self._callback:
            self._callback(message.topic, bytes(message.payload))

    def subscribe(self, topic: str) -> None:
        """Ask for the messages of a topic."""
        self._client.subscribe(topic, qos=1)

    def publish(self, topic: str, payload: str | bytes, qos: int = 0) -> Callable[[], bool]:
        """Send a message that the broker keeps; return what says whether it is out, with QoS 1 received."""
        sent = self._client.publish(topic, payload, qos, retain=True)
        if sent.rc:
            raise BrokerError(LOST if self._client.socket() is None else "the broker takes no more messages")
        return sent.is_published

    def wait(self, seconds: float, wake: socket.socket | None = None) -> None:
        """Send and take what there is; wait for that `seconds` at most, or until `wake` has a byte."""
        found: Any = self._client.socket()
        if found is None:
            raise BrokerError(LOST)
        with selectors.DefaultSelector() as selector:
            write = selectors.EVENT_WRITE if self._client.want_write() else 0
            selector.register(found, selectors.EVENT_READ | write)
            if wake is not None:
                selector.register(wake, selectors.EVENT_READ)
            # What TLS has decrypted already is not seen by the kernel.
            pending = self._url.tls and found.pending()
            ready = {key.fileobj: events for key, events in selector.select(0 if pending else seconds)}
        events = ready.get(found, 0)
        if wake in ready and wake is not None:
            wake.recv(4096)
        if events & selectors.EVENT_READ or pending:
            try:
                self._client.loop_read()
            except (struct.error, ValueError):
                # It trusts the lengths and the texts in a packet.
                raise BrokerError("the broker sent something that is not MQTT 3.1.1") from None
            except OSError as error:
                # Where MQTT 3.1.1 is refused, it connects again, with 3.1.
                raise BrokerError(words(error)) from None
        if events & selectors.EVENT_WRITE:
            self._client.loop_write()
        self._client.loop_misc()

    def wait_until_received(self, *sent: Callable[[], bool]) -> None:
        """Wait until the broker has what was sent. Raises BrokerError if it does not say so in time."""
        self._await(lambda: all(is_out() for is_out in sent), SECONDS)

    def _await(self, done: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not done():
            left = until - time.monotonic()
            if left <= 0:
                raise BrokerError(f"no answer within {seconds:g} s")
            self.wait(left)
