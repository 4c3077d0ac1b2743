"""Cameras for the officers' desk: their configuration as it is in force, and what workers say and see."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import Any
from urllib.parse import quote

import httpx

from detector.entities import Camera
from detector.errors import ConfigurationError, StorageError
from detector.review.camera_desk import CameraPicture, Edit, SavedVersion
from pipelines.configuration_store import ConfigurationStore, Version, edit_camera

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
WORKER_TIMEOUT_S = 3.0
CAPTURED_AT = "X-Captured-At"


class DeskConfiguration:
    """`ConfigurationStore` in the words of the desk."""

    def __init__(self, store: ConfigurationStore, current: "CurrentCameras | None" = None) -> None:
        """Take the store, and the cameras that are to be looked up anew after a change."""
        self._store = store
        self._current = current

    @property
    def place(self) -> str:
        """See `CameraConfiguration`."""
        return self._store.place

    def fingerprint(self) -> str | None:
        """See `CameraConfiguration`."""
        return self._store.fingerprint()

    def cameras(self) -> Mapping[str, Camera]:
        """See `CameraConfiguration`."""
        found = self._store.current()
        return found.cameras.by_id if found else {}

    def history(self) -> list[SavedVersion]:
        """See `CameraConfiguration`."""
        return [_describe(version) for version in self._store.history(20)]

    def save(self, edit: Edit) -> SavedVersion:
        """See `CameraConfiguration`."""
        found = self._store.current()
        if found is None:
            raise ConfigurationError(f"{self.place}: there is no configuration to edit")
        content = edit_camera(found.content, edit.camera_id, edit.changes)
        return self._changed(self._store.save(content, edit.by, edit.note, edit.based_on))

    def restore(self, number: int, by: str) -> SavedVersion:
        """See `CameraConfiguration`."""
        return self._changed(self._store.restore(number, by))

    def _changed(self, version: Version) -> SavedVersion:
        if self._current is not None:
            self._current.look_again()
        return _describe(version)


class CurrentCameras(Mapping[str, Camera]):
    """The cameras in force, looked up anew when the configuration changes; a wrong one leaves the last right one."""

    def __init__(self, store: ConfigurationStore, known: Mapping[str, Camera]) -> None:
        """Begin with what is known."""
        self._store = store
        self._known = known
        self._fingerprint: str | None = None
        self._looked_at = float("-inf")

    def look_again(self) -> None:
        """The next question looks up what is in force, however short ago the last look was."""
        self._looked_at = float("-inf")

    def _current(self) -> Mapping[str, Camera]:
        if monotonic() - self._looked_at > LOOK_EVERY_S:
            self._looked_at = monotonic()
            try:
                fingerprint = self._store.fingerprint()
                if fingerprint != self._fingerprint and (found := self._store.current()) is not None:
                    self._known, self._fingerprint = found.cameras.by_id, fingerprint
            except (ConfigurationError, StorageError) as error:
                logger.warning("cameras stay as they were: %s", error)
        return self._known

    def __getitem__(self, camera_id: str) -> Camera:
        """One camera."""
        return self._current()[camera_id]

    def __iter__(self) -> Iterator[str]:
        """Their ids."""
        return iter(self._current())

    def __len__(self) -> int:
        """How many there are."""
        return len(self._current())


class HttpWorkers:
    """Workers asked over HTTP (`roadwarden run --health`); one that does not answer watches nothing."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Take the addresses of the workers."""
        self._urls = [url.rstrip("/") for url in urls]
        self._client = httpx.Client(timeout=WORKER_TIMEOUT_S, trust_env=False)

    def health(self) -> Mapping[str, Mapping[str, Any]]:
        """See `Workers`."""
        found: dict[str, Mapping[str, Any]] = {}
        for url in self._urls:
            try:
                answer = self._client.get(f"{url}/status")
                found |= {str(row["camera_id"]): row for row in answer.raise_for_status().json()["cameras"]}
            except (httpx.HTTPError, ValueError, KeyError, TypeError):
                continue
        return found

    def picture(self, camera_id: str) -> CameraPicture | None:
        """See `Workers`."""
        for url in self._urls:
            try:
                answer = self._client.get(f"{url}/pictures/{quote(camera_id, safe='')}")
                if answer.status_code == httpx.codes.OK:
                    told = answer.headers.get(CAPTURED_AT)
                    return CameraPicture(answer.content, datetime.fromisoformat(told) if told else None)
            except (httpx.HTTPError, ValueError):
                continue
        return None


def _describe(version: Version) -> SavedVersion:
    return SavedVersion(version.number, version.saved_at, version.saved_by, version.note)
