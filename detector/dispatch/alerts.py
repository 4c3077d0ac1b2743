"""Watch-list alerts to receivers: written into the outbox in the transaction of the interception."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from detector.database.tables import DispositionRow, WatchEntryRow
from detector.dispatch.outbox import Outbox
from detector.entities import BEIJING, Interception, LaterSighting

HIT, AGAIN = "watch_hit", "watch_sighting"


class AlertLetters:
    """Writes a message for each receiver of alerts, and for the peer that asked for the plate."""

    def __init__(
        self, outbox: Outbox, receivers: Sequence[str], places: Mapping[str, str], tell: Callable[..., str]
    ) -> None:
        """Take collaborators.

        Args:
            outbox: messages go there.
            receivers: who gets every alert.
            places: camera id → place in words.
            tell: words of an alert, from `time`, `plate` and `place`.
        """
        self._outbox = outbox
        self._receivers = receivers
        self._places = places
        self._tell = tell

    def __call__(self, session: Session, interception: Interception, again: LaterSighting | None) -> None:
        """Tell of an interception that is new, or else of one later sighting of it."""
        asked = session.scalars(
            select(DispositionRow).where(DispositionRow.entry_id == interception.entry_id).limit(1)
        ).one_or_none()
        receivers = dict.fromkeys([*self._receivers, *([asked.peer] if asked is not None else [])])
        if not receivers:
            return
        entry = session.get(WatchEntryRow, interception.entry_id)
        kind = HIT if again is None else AGAIN
        reason = entry.reason if entry is not None else None
        payload = self._describe(interception, again or interception) | {"reason": reason}
        for receiver in receivers:
            disposition = asked.disposition_id if asked is not None and asked.peer == receiver else None
            key = (receiver, interception.interception_id, len(interception.later))
            self._outbox.enqueue(session, key, kind, payload | {"disposition_id": disposition})

    def _describe(self, interception: Interception, seen: Interception | LaterSighting) -> dict[str, Any]:
        """What a receiver learns of a hit, with the place and time of one sighting."""
        place = self._places.get(seen.camera_id, "") or seen.camera_id
        text = self._tell(time=seen.seen_at.astimezone(BEIJING), plate=interception.plate_text, place=place)
        return {
            "unit": "",
            "text": text,
            "captured_at": seen.seen_at.isoformat(),
            "first_seen_at": interception.seen_at.isoformat(),
            "place": place,
            "camera_id": seen.camera_id,
            "plate": interception.plate_text,
            "plate_seen": interception.plate_seen,
            "plate_colour": interception.plate_colour,
            "plate_type": None,
            "vehicle_type": interception.vehicle_type or "unknown",
            "vehicle_agrees": interception.vehicle_agrees,
            "load": None,
            "entry_id": interception.entry_id,
            "next_cameras": [
                {
                    "camera_id": n.camera_id,
                    "earliest_at": n.earliest_at.isoformat(),
                    "latest_at": n.latest_at.isoformat(),
                }
                for n in interception.next_cameras
            ],
            "evidence_folder": None,
        }
