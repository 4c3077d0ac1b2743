"""The composition root of cases and dispatch: who listens to the life of cases, and who carries messages."""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Engine
from starlette.routing import Route

from detector.cases.life_cycle import LifeCycle
from detector.dispatch.alerts import AlertLetters
from detector.dispatch.courier import Courier
from detector.dispatch.digest import DigestGuard
from detector.dispatch.dispositions import DispositionDesk
from detector.dispatch.feedback import FeedbackDesk, Peer
from detector.dispatch.folder import FolderSender
from detector.dispatch.gat1400 import Gat1400Sender, PeerSettings
from detector.dispatch.letters import Letters, Wording
from detector.dispatch.mqtt import MqttSender, MqttSettings
from detector.dispatch.mqtt_feedback import MqttFeedback
from detector.dispatch.outbox import Outbox
from detector.dispatch.protocol import Sender
from detector.dispatch.webhook import WebhookSender
from detector.evidence.texts import CHINESE, ENGLISH
from detector.observation.plate_grammar import is_complete
from pipelines.build_sightings import open_watch_list
from pipelines.config import Cameras, resolve_home
from pipelines.dispatch_config import DestinationTable, DispatchConfig, load_dispatch
from pipelines.evidence_place import local_package
from pipelines.viid_app import ViidDoor

ALERTS = {
    "zh": "{time}，车牌号为{plate}的车辆在通过{place}时，存在{acts}行为",
    "en": "{time}: vehicle {plate} at {place}: {acts}",
}
WATCH = {
    "zh": "{time}，布控车辆{plate}经过{place}",
    "en": "{time}: listed vehicle {plate} at {place}",
}
TIMES = {"zh": "%Y年%-m月%-d日%-H时%-M分", "en": "%Y-%m-%d %H:%M"}
NO_PLATE = {"zh": "（未能识读）", "en": "(plate not read)"}


def read_dispatch() -> DispatchConfig:
    """The configuration of this home folder.

    Raises:
        ConfigurationError: `dispatch.toml` is wrong.
    """
    return load_dispatch(resolve_home() / "dispatch.toml")


def open_life(engine: Engine, config: DispatchConfig | None = None) -> LifeCycle:
    """The life of cases, whose steps are told to the receivers that are configured."""
    config = config or read_dispatch()
    if not config.destinations:
        return LifeCycle(engine)
    return LifeCycle(engine, listeners=[Letters(Outbox(engine), config.receivers, make_wording(config.language))])


def open_alerts(engine: Engine, cameras: Cameras) -> list[AlertLetters]:
    """What tells receivers of hits of the watch list; nobody where `dispatch.toml` names no receiver."""
    config = read_dispatch()
    if not config.destinations:
        return []
    places = {camera_id: camera.place for camera_id, camera in cameras.by_id.items()}

    def tell(time: datetime, plate: str, place: str) -> str:
        return WATCH[config.language].format(time=time.strftime(TIMES[config.language]), plate=plate, place=place)

    return [AlertLetters(Outbox(engine), config.alerted, places, tell)]


def make_wording(language: str) -> Wording:
    """Texts of a language."""
    table = {"zh": CHINESE, "en": ENGLISH}[language]
    acts = {key.removeprefix("act."): text for key, text in table.items() if key.startswith("act.")}
    return Wording(ALERTS[language], NO_PLATE[language], TIMES[language], acts, "、" if language == "zh" else ", ")


def open_courier(engine: Engine, config: DispatchConfig) -> Courier:
    """A courier to every receiver of the configuration.

    Raises:
        ConfigurationError: a secret is not there.
    """
    return Courier(Outbox(engine), {name: open_sender(table) for name, table in config.destinations.items()})


def open_sender(table: DestinationTable) -> Sender:
    """What speaks a receiver's language.

    Raises:
        ConfigurationError: its secret is not there.
    """
    secret, ca_file = table.secret() or "", str(table.ca_file) if table.ca_file else None
    if table.kind == "folder" and table.folder is not None:
        return FolderSender(table.folder)
    if table.kind == "webhook":
        return WebhookSender(table.url, secret, ca_file=ca_file)
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
        ConfigurationError: a secret is not there.
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
    guard = DigestGuard({table.user: table.secret() or "" for table in tables.values()})
    desk = DispositionDesk(engine, open_watch_list(engine), is_complete)
    users = {table.user: name for name, table in tables.items()}
    return ViidDoor(guard, users, desk, next(iter(tables.values())).device_id).routes()


def mqtt_settings(table: DestinationTable, purpose: str = "") -> MqttSettings:
    """How to reach a broker.

    Raises:
        ConfigurationError: its secret is not there.
    """
    url = urlsplit(table.url)
    tls = url.scheme == "mqtts"
    return MqttSettings(
        url.hostname or "", url.port or (8883 if tls else 1883), table.topic,
        "-".join(filter(None, ("roadwarden", table.id, purpose))), table.user or None, table.secret() or None, tls,
        str(table.ca_file) if table.ca_file else None,
    )  # fmt: skip
