"""Messages over MQTT 5: quality of service 1, with expiry and the idempotency key as correlation data."""

import json
import ssl
import threading
from dataclasses import dataclass, field

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from detector.dispatch.protocol import Unreachable
from detector.dispatch.webhook import describe
from detector.entities import Message

TIMEOUT_S = 10.0
KEEP_ALIVE_S = 30
EXPIRY_S = 7 * 86_400


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """One broker.

    Attributes:
        topic: `{case_id}` and `{kind}` are filled in.
        ca_file: certificates to trust; None with `tls` for the system's.
    """

    host: str
    port: int
    topic: str
    client_id: str = ""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: str | None = None


class MqttSender:
    """Publishes to one broker; the connection is made when it is first needed, and again when it is lost."""

    def __init__(self, settings: MqttSettings, timeout_s: float = TIMEOUT_S) -> None:
        """Prepare, without connecting."""
        self._settings = settings
        self._timeout_s = timeout_s
        self._client: mqtt.Client | None = None

    def send(self, message: Message) -> None:
        """Publish, and wait for the broker's receipt."""
        client = self._connect()
        properties = Properties(PacketTypes.PUBLISH)
        properties.MessageExpiryInterval = EXPIRY_S
        properties.ContentType = "application/json"
        properties.CorrelationData = message.message_id.encode()
        topic = self._settings.topic.format(case_id=message.case_id, kind=message.kind)
        body = json.dumps(describe(message), ensure_ascii=False, sort_keys=True)
        told = client.publish(topic, body, qos=1, properties=properties)
        try:
            told.wait_for_publish(self._timeout_s)
            arrived = told.is_published()
        except (RuntimeError, ValueError):
            arrived = False
        if not arrived:
            self.close()  # or the client would send it on its own as well, later
            raise Unreachable(f"broker {self._settings.host}: no receipt within {self._timeout_s:.0f} s")

    def close(self) -> None:
        """Leave the broker."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def _connect(self) -> mqtt.Client:
        """A client that is connected."""
        if self._client is not None and self._client.is_connected():
            return self._client
        self.close()
        settings, answered = self._settings, threading.Event()
        refused: list[str] = []
        client = prepare_client(settings)

        def connected(_client: object, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
            if reason.is_failure:
                refused.append(str(reason))
            answered.set()

        client.on_connect = connected
        try:
            client.connect(settings.host, settings.port, KEEP_ALIVE_S)
        except (OSError, ValueError) as error:
            raise Unreachable(f"broker {settings.host}: {type(error).__name__}") from error
        client.loop_start()
        if not answered.wait(self._timeout_s) or refused:
            client.disconnect()
            client.loop_stop()
            raise Unreachable(f"broker {settings.host}: {refused[0] if refused else 'no answer'}")
        self._client = client
        return client


def prepare_client(settings: MqttSettings, *, manual_ack: bool = False) -> mqtt.Client:
    """A client with identity and TLS, not yet connected; with `manual_ack` receipts are given by hand."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, settings.client_id, protocol=mqtt.MQTTv5, manual_ack=manual_ack)
    if settings.user is not None:
        client.username_pw_set(settings.user, settings.password)
    if settings.tls:
        client.tls_set(settings.ca_file, tls_version=ssl.PROTOCOL_TLS_CLIENT)
    return client
