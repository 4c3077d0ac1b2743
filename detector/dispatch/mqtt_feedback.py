"""Answers over MQTT 5: taken once, acknowledged to the broker when they are in the database, replied to where asked.

What was published while we were away waits at the broker: the session there outlives the connection.
"""

import json
import logging
import queue
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from detector.dispatch.mqtt import EXPIRY_S, KEEP_ALIVE_S, MqttSettings, prepare_client
from detector.dispatch.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER
from detector.errors import RoadwardenError, StorageError, UnknownCase

logger = logging.getLogger(__name__)

WAIT_S = 5.0
RECONNECT_S = (1, 60)
KEPT_FOR = timedelta(seconds=EXPIRY_S)

Take = Callable[[str, str, str, bytes, timedelta], dict[str, Any]]
"""`FeedbackDesk.take`."""


class MqttFeedback:
    """Listens at one broker for the answers of one peer.

    Attributes:
        is_listening: set once the broker has confirmed that it keeps answers for us.
    """

    def __init__(self, peer: str, settings: MqttSettings, take: Take) -> None:
        """Prepare, without connecting.

        Args:
            peer: whose answers these are.
            settings: of the broker; `topic` is where answers are published.
            take: acts on an answer.
        """
        self._peer, self._settings, self._take = peer, settings, take
        self._waiting: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self._client = prepare_client(settings, manual_ack=True)
        self._client.reconnect_delay_set(*RECONNECT_S)
        self.is_listening = threading.Event()
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self.is_listening.set()
        self._client.on_message = lambda _client, _data, message: self._waiting.put(message)

    def run(self, stop: threading.Event) -> None:
        """Take answers until `stop` is set; a broker that is away is waited for."""
        while not stop.is_set():
            try:
                properties = Properties(PacketTypes.CONNECT)
                properties.SessionExpiryInterval = EXPIRY_S
                self._client.connect(
                    self._settings.host, self._settings.port, KEEP_ALIVE_S, clean_start=False, properties=properties
                )
                break
            except (OSError, ValueError) as error:
                logger.warning("broker %s: %s", self._settings.host, type(error).__name__)
                stop.wait(WAIT_S)
        if stop.is_set():
            return
        self._client.loop_start()
        while not stop.is_set():
            try:
                message = self._waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            self._answer(message, stop)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _: object) -> None:
        if reason.is_failure:
            logger.warning("broker %s: %s", self._settings.host, reason)
            return
        client.subscribe(self._settings.topic, qos=1)

    def _answer(self, message: mqtt.MQTTMessage, stop: threading.Event) -> None:
        """Act on one answer; while the database is away it stays unacknowledged, and the ones after it wait."""
        given = dict(getattr(message.properties, "UserProperty", []) or [])
        timestamp, signature = given.get(TIMESTAMP_HEADER, ""), given.get(SIGNATURE_HEADER, "")
        while not stop.is_set():
            try:
                reply = self._take(self._peer, timestamp, signature, bytes(message.payload), KEPT_FOR)
            except UnknownCase as error:
                reply = {"error": str(error)}
            except StorageError as error:
                logger.error("answer of %s waits: %s", self._peer, error)
                stop.wait(WAIT_S)
                continue
            except RoadwardenError as error:
                logger.warning("answer of %s: %s", self._peer, error)
                reply = {"error": str(error)}
            except Exception as error:  # a defect at one answer must not hold up those after it
                logger.exception("answer of %s", self._peer)
                reply = {"error": f"defect of the program: {type(error).__name__}"}
            self._reply(message, reply)
            self._client.ack(message.mid, message.qos)
            return

    def _reply(self, message: mqtt.MQTTMessage, reply: dict[str, Any]) -> None:
        """Publish what became of it, where the peer said to."""
        topic = getattr(message.properties, "ResponseTopic", None)
        if not topic:
            return
        properties = Properties(PacketTypes.PUBLISH)
        correlation = getattr(message.properties, "CorrelationData", None)
        if correlation is not None:
            properties.CorrelationData = correlation
        self._client.publish(topic, json.dumps(reply, ensure_ascii=False), qos=1, properties=properties)
