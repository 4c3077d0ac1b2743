"""The composition root of dispatch: who carries messages to receivers, and who takes their answers."""

from dataclasses import replace
from urllib.parse import urlsplit

from sqlalchemy import Engine
from starlette.routing import Route

from detector.dispatch.courier import Courier
from detector.dispatch.digest import DigestGuard
from detector.dispatch.dispositions import DispositionDesk
from detector.dispatch.feedback import FeedbackDesk, Peer
from detector.dispatch.folder import FolderSender
from detector.dispatch.gat1400 import Gat1400Sender, PeerSettings
from detector.dispatch.mqtt import MqttSender, MqttSettings
from detector.dispatch.mqtt_feedback import MqttFeedback
from detector.dispatch.outbox import Outbox
from detector.dispatch.protocol import Sender
from detector.dispatch.webhook import WebhookSender
from detector.observation.plate_grammar import is_complete
from pipelines.build_life import open_life
from pipelines.build_sightings import open_watch_list
from pipelines.dispatch_config import DestinationTable, DispatchConfig
from pipelines.evidence_place import local_package
from pipelines.viid_app import ViidDoor


def open_courier(engine: Engine, config: DispatchConfig) -> Courier:
    """A courier to every receiver of the configuration.

    Raises:
        ConfigurationError: a secret is not there, or a `ca_file` is of no use.
    """
    return Courier(Outbox(engine), {name: open_sender(table) for name, table in config.destinations.items()})


def open_sender(table: DestinationTable) -> Sender:
    """What speaks a receiver's language.

    Raises:
        ConfigurationError: its secret is not there, or its `ca_file` is of no use.
    """
    secret = table.secret() or ""
    if table.kind == "folder" and table.folder is not None:
        return FolderSender(table.folder)
    if table.kind == "webhook":
        return WebhookSender(table.url, secret, ca_file=table.trusted())
    if table.kind == "gat1400":
        settings = PeerSettings(table.url, table.device_id, table.user, secret, table.codes, table.pictures)
        return Gat1400Sender(settings, open_package=local_package)
    return MqttSender(mqtt_settings(table))


def open_feedback(engine: Engine, config: DispatchConfig) -> FeedbackDesk:
    """The desk for answers of the receivers that have a secret.

    Raises:
        ConfigurationError: a secret is not there.
    """
    peers = {
        name: Peer(name, frozenset(table.units), secret)
        for name, table in config.destinations.items()
        if (secret := table.answer_secret())
    }
    return FeedbackDesk(engine, open_life(engine, config), peers)


def open_listeners(config: DispatchConfig, desk: FeedbackDesk) -> list[MqttFeedback]:
    """What takes answers over MQTT, for each receiver with a `feedback_topic`.

    Raises:
        ConfigurationError: a secret is not there, or a `ca_file` is of no use.
    """
    return [
        MqttFeedback(name, replace(mqtt_settings(table, "answers"), topic=table.feedback_topic), desk.take)
        for name, table in config.destinations.items()
        if table.kind == "mqtt" and table.feedback_topic
    ]


def open_viid(engine: Engine, config: DispatchConfig) -> list[Route]:
    """Routes for the GA/T 1400 peers of the configuration; none where there is no such peer.

    Raises:
        ConfigurationError: a secret is not there.
    """
    tables = {name: table for name, table in config.destinations.items() if table.kind == "gat1400"}
    if not tables:
        return []
    guard = DigestGuard({name: (table.user, table.secret() or "") for name, table in tables.items()})
    desk = DispositionDesk(engine, open_watch_list(engine), is_complete)
    return ViidDoor(guard, desk, next(iter(tables.values())).device_id).routes()


def mqtt_settings(table: DestinationTable, purpose: str = "") -> MqttSettings:
    """How to reach a broker.

    Raises:
        ConfigurationError: its secret is not there, or its `ca_file` is of no use.
    """
    url = urlsplit(table.url)
    tls = url.scheme == "mqtts"
    return MqttSettings(
        url.hostname or "", url.port or (8883 if tls else 1883), table.topic,
        "-".join(filter(None, ("roadwarden", table.id, purpose))), table.user or None, table.secret() or None, tls,
        table.trusted(),
    )  # fmt: skip
