"""The composition root of the life of cases: who is told of its steps and of hits. Carriers: `build_dispatch`."""

from datetime import datetime

from sqlalchemy import Engine

from detector.cases.life_cycle import LifeCycle
from detector.dispatch.alerts import AlertLetters
from detector.dispatch.letters import Letters, Wording
from detector.dispatch.outbox import Outbox
from detector.evidence.texts import CHINESE, ENGLISH
from pipelines.config import Cameras, resolve_home
from pipelines.dispatch_config import DispatchConfig, load_dispatch

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
