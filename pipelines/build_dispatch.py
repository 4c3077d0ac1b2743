"""The composition root of cases and dispatch: who listens to the life of cases, and who carries messages."""

from urllib.parse import urlsplit

from sqlalchemy import Engine

from detector.cases.life_cycle import LifeCycle
from detector.dispatch.courier import Courier
from detector.dispatch.feedback import FeedbackDesk, Peer
from detector.dispatch.folder import FolderSender
from detector.dispatch.gat1400 import Gat1400Sender, PeerSettings
from detector.dispatch.letters import Letters, Wording
from detector.dispatch.mqtt import MqttSender, MqttSettings
from detector.dispatch.outbox import Outbox
from detector.dispatch.protocol import Sender
from detector.dispatch.webhook import WebhookSender
from detector.evidence.texts import CHINESE, ENGLISH
from pipelines.config import resolve_home
from pipelines.dispatch_config import DestinationTable, DispatchConfig, load_dispatch

ALERTS = {
    "zh": "{time}，车牌号为{plate}的车辆在通过{place}时，存在{acts}行为",
    "en": "{time}: vehicle {plate} at {place}: {acts}",
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
        return Gat1400Sender(PeerSettings(table.url, table.device_id, table.user, secret, table.codes, table.pictures))
    url = urlsplit(table.url)
    tls = url.scheme == "mqtts"
    return MqttSender(
        MqttSettings(
            url.hostname or "", url.port or (8883 if tls else 1883), table.topic, f"roadwarden-{table.id}",
            table.user or None, secret or None, tls, ca_file,
        )
    )  # fmt: skip


def open_feedback(engine: Engine, config: DispatchConfig) -> FeedbackDesk:
    """The desk for answers of the receivers that have a secret.

    Raises:
        ConfigurationError: a secret is not there.
    """
    peers = {
        name: Peer(name, frozenset(table.units), secret)
        for name, table in config.destinations.items()
        if (secret := table.secret())
    }
    return FeedbackDesk(engine, open_life(engine, config), peers)
