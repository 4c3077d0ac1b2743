"""TRACKS → PASSES: takes looks at tracked vehicles of one camera and gathers them into vehicle passes."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import cv2
import numpy as np

from detector import geometry
from detector.entities import (
    Camera,
    Frame,
    LoadState,
    Observation,
    Plate,
    PlateReading,
    Track,
    TrackState,
    VehiclePass,
    VehicleType,
)
from detector.geometry import Corners
from detector.observation import load_vote, plate_vote
from detector.observation.look_policy import LOAD_TYPES, LookPolicy
from detector.observation.plate_size import is_lettering
from detector.observation.protocols import LoadReader, PlateHint, PlateReader

STILL_SHARE = 0.02
"""A vehicle that moved or grew by less than this share of the picture's height has no direction."""

EDGE_SHARE = 0.005
"""A box that comes so near to the picture's lower edge is cut off by it."""

EXPECTED_FOR_S = 1.0
"""How long a plate's place in its vehicle's box is remembered, to look there first."""


@dataclass(slots=True)
class _History:
    """What is remembered of one living track; dropped when the track ends."""

    pass_id: str
    track: Track
    first_seen_s: float
    first_xyxy: geometry.Box
    observations: list[Observation] = field(default_factory=list)
    load: LoadState | None = None
    plate: Plate | None = None
    load_settled: bool = False
    plate_settled: bool = False
    announced: int = 0


@dataclass(frozen=True, slots=True)
class Readers:
    """Who looks: at loads and at plates, side by side where `load_worker` lends a thread.

    Attributes:
        load_reader: judges cargo beds.
        plate_reader: finds and reads plates.
        load_worker: does the load reader's part of a picture; None: both are read one after the other.
    """

    load_reader: LoadReader
    plate_reader: PlateReader
    load_worker: Executor | None = None

    def read(
        self,
        image: np.ndarray,
        for_load: Sequence[Track],
        for_plate: Sequence[Track],
        hints: Sequence[PlateHint],
    ) -> tuple[list[LoadState], list[PlateReading | None]]:
        """Loads of some vehicles and plates of some, each list in the order of its tracks; `hints` for plates."""
        read_loads = partial(self.load_reader.read, image, [t.xyxy for t in for_load])
        aside = self.load_worker.submit(read_loads) if self.load_worker and for_load and for_plate else None
        plates = self.plate_reader.read(image, [t.xyxy for t in for_plate], hints) if for_plate else []
        if aside is not None:
            return aside.result(), plates
        return (read_loads() if for_load else []), plates


class PassAssembler:
    """Follows the vehicles of one camera from their first confirmed frame to the end of their track."""

    def __init__(
        self,
        camera: Camera,
        readers: Readers,
        policy: LookPolicy | None = None,
        on_look: Callable[[str, VehicleType, Observation], None] | None = None,
    ) -> None:
        """Start with no vehicle in view.

        Args:
            camera: whose frames these are; its capability flags and zone decide what is looked at.
            readers: look at loads and plates.
            policy: bounds on the work; None for the defaults.
            on_look: called at once with the pass id, the vehicle's type as far as it is known, and each look that found
                a plate; None for nobody.
        """
        self._camera = camera
        self._readers = readers
        self._policy = policy or LookPolicy()
        self._on_look = on_look
        self._histories: dict[int, _History] = {}

    @property
    def has_open_passes(self) -> bool:
        """Whether a vehicle is in view, or was so lately that it may come back."""
        return bool(self._histories)

    def update(self, frame: Frame, tracks: Sequence[Track], *, absolute_time: bool) -> tuple[VehiclePass, ...]:
        """Look at the vehicles of one frame.

        Args:
            frame: the analysed frame.
            tracks: the tracker's answer to this very frame.
            absolute_time: whether `captured_at` is a wall clock; decides how pass ids are derived.

        Returns:
            Passes that ended with this frame, and passes still open of which something new is settled.
        """
        seen = [t for t in tracks if t.state is TrackState.CONFIRMED and t.seen_at == frame.captured_at]
        self._begin(frame, seen, absolute_time)
        for track in seen:
            self._histories[track.track_id].track = track
        self._look(frame, [t for t in seen if self._is_in_zone(t, frame)], seen)
        settled = [self._announce(h, frame) for h in self._histories.values() if self._has_news(h)]
        ended = [self._end(t, frame) for t in tracks if t.state is TrackState.REMOVED and t.track_id in self._histories]
        return (*settled, *ended)

    def _begin(self, frame: Frame, seen: Sequence[Track], absolute_time: bool) -> None:
        """Open a history for each newly confirmed track; vehicles confirmed in one frame are told apart by order."""
        new = sorted((t for t in seen if t.track_id not in self._histories), key=lambda t: (t.xyxy[0], t.xyxy[1]))
        instant = frame.captured_at.isoformat() if absolute_time else frame.packet_sha256 or f"frame {frame.index}"
        for order, track in enumerate(new):
            key = f"{self._camera.camera_id}|{instant}|{order}"
            pass_id = hashlib.sha256(key.encode()).hexdigest()[:20]
            first_seen_s = frame.stream_s - (frame.captured_at - track.first_seen_at).total_seconds()
            self._histories[track.track_id] = _History(pass_id, track, first_seen_s, track.xyxy)

    def _is_in_zone(self, track: Track, frame: Frame) -> bool:
        """Whether the foot of a vehicle's box stands inside the camera's zone."""
        if self._camera.zone is None:
            return True
        width_px, height_px = frame.wh
        x1, _, x2, y2 = track.xyxy
        return geometry.contains(self._camera.zone, ((x1 + x2) / 2 / width_px, min(y2 / height_px, 0.999)))

    def _look(self, frame: Frame, tracks: Sequence[Track], seen: Sequence[Track]) -> None:
        """Run the second-stage models where they are wanted, and add one observation per vehicle looked at."""
        policy, camera = self._policy, self._camera
        for_load, for_plate = [], []
        height_px = frame.wh[1]
        for track in tracks:
            history = self._histories[track.track_id]
            looks = history.observations
            if camera.sees_into_box and not history.load_settled and policy.wants_load(track, looks, history.load):
                for_load.append(track)
            is_cut_off = _is_cut_off(track.xyxy, height_px)
            wants_plate = camera.reads_plates and not history.plate_settled
            if wants_plate and policy.wants_plate(track, looks, is_cut_off=is_cut_off):
                for_plate.append(track)
        if not for_load and not for_plate:
            return
        hints = [self._hint(t) for t in for_plate]
        loads, plates = self._readers.read(frame.image, for_load, for_plate, hints)
        load_of = {t.track_id: load for t, load in zip(for_load, loads, strict=True)}
        plate_of = {
            t.track_id: plate if plate is None or _owns(t, plate, seen) else None
            for t, plate in zip(for_plate, plates, strict=True)
        }
        for track in tracks:
            if track.track_id in load_of or track.track_id in plate_of:
                self._remember(frame, track, load_of.get(track.track_id), plate_of)

    def _hint(self, track: Track) -> PlateHint:
        """What a vehicle's earlier looks say of its plate."""
        looks = self._histories[track.track_id].observations
        return PlateHint(_expect_plate(track, looks), self._policy.was_searched_in_vain(looks))

    def _remember(
        self, frame: Frame, track: Track, load: LoadState | None, plate_of: dict[int, PlateReading | None]
    ) -> None:
        """Add one observation to a track's history, keep the history bounded, and vote anew."""
        history = self._histories[track.track_id]
        history.observations.append(
            Observation(
                frame_index=frame.index,
                pts=frame.pts,
                stream_s=frame.stream_s,
                captured_at=frame.captured_at,
                packet_sha256=frame.packet_sha256,
                xyxy=track.xyxy,
                detection_confidence=track.confidence,
                sharpness=measure_sharpness(frame.image, track.xyxy),
                load=load,
                plate=plate_of.get(track.track_id),
                plate_searched=track.track_id in plate_of,
            )
        )
        if self._on_look is not None and history.observations[-1].plate is not None:
            vehicle_type = _name_vehicle(track.vehicle_type, history.load)
            self._on_look(history.pass_id, vehicle_type, history.observations[-1])
        if not history.load_settled:
            oldest_at = frame.captured_at - timedelta(seconds=self._policy.max_span_s)
            history.observations[:] = [o for o in history.observations if o.captured_at >= oldest_at]
        if len(history.observations) > self._policy.max_looks:
            history.observations.remove(min(history.observations, key=lambda o: geometry.area(o.xyxy)))
        self._vote(history)

    def _vote(self, history: _History) -> None:
        """Renew the votes that are not settled yet."""
        looks = history.observations
        if not history.load_settled:
            history.load = load_vote.vote(looks)
            history.load_settled = self._policy.is_load_settled(looks, history.load)
        if not history.plate_settled:
            history.plate = plate_vote.vote([o.plate for o in looks if o.plate is not None])
            history.plate_settled = self._policy.is_plate_settled(history.plate)

    @staticmethod
    def _has_news(history: _History) -> bool:
        """Whether more is settled than has been told."""
        return history.load_settled + history.plate_settled > history.announced

    def _announce(self, history: _History, frame: Frame) -> VehiclePass:
        """The open pass with what is settled."""
        history.announced = history.load_settled + history.plate_settled
        return self._build(history, frame, is_open=True)

    def _end(self, track: Track, frame: Frame) -> VehiclePass:
        """The closed pass; everything about the track is forgotten."""
        history = self._histories.pop(track.track_id)
        history.track = replace(track, state=TrackState.REMOVED)
        return self._build(history, frame, is_open=False)

    def _build(self, history: _History, frame: Frame, *, is_open: bool) -> VehiclePass:
        """A frozen picture of a history."""
        track = history.track
        vehicle_type = _name_vehicle(track.vehicle_type, history.load)
        tells_load = vehicle_type in LOAD_TYPES
        age = frame.captured_at - track.seen_at if track.seen_at < frame.captured_at else timedelta(0)
        return VehiclePass(
            pass_id=history.pass_id,
            camera_id=self._camera.camera_id,
            track_id=track.track_id,
            vehicle_type=vehicle_type,
            first_seen_at=track.first_seen_at,
            last_seen_at=track.seen_at,
            first_seen_s=history.first_seen_s,
            last_seen_s=frame.stream_s - age.total_seconds(),
            direction=_direction(history.first_xyxy, track.xyxy, frame.wh[1]),
            load=history.load if tells_load and (history.load_settled or not is_open) else None,
            plate=history.plate if history.plate_settled or not is_open else None,
            observations=tuple(history.observations),
            is_open=is_open,
        )


def measure_sharpness(image: np.ndarray, xyxy: geometry.Box, side_px: int = 192) -> float:
    """Variance of the Laplacian of a vehicle's crop, scaled to a common height so that sizes compare.

    Args:
        image: (H, W, 3) BGR.
        xyxy: box in px; the part outside the picture is ignored.
        side_px: height that the crop is scaled to.

    Returns:
        0.0 for an empty crop; about 20 for a blurred vehicle, several hundred for a sharp one.
    """
    x1, y1, x2, y2 = (round(v) for v in geometry.clip(xyxy, image.shape[1], image.shape[0]))
    if x2 - x1 < 2 or y2 - y1 < 2:
        return 0.0
    grey = cv2.cvtColor(image[y1:y2, x1:x2], cv2.COLOR_BGR2GRAY)
    width_px = max(2, round(side_px * (x2 - x1) / (y2 - y1)))
    grey = cv2.resize(grey, (width_px, side_px), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def _name_vehicle(detected: VehicleType, load: LoadState | None) -> VehicleType:
    """The detector's type, but a *bus* with a cargo bed is a truck: seen from the front the two look alike."""
    has_bed = load is not None and load.tipper_confidence >= 0.5 and load.bed_xyxy is not None
    return VehicleType.TRUCK if detected is VehicleType.BUS and has_bed else detected


def _expect_plate(track: Track, looks: Sequence[Observation]) -> Corners | None:
    """Where a vehicle's plate should be now: it moves and grows with the box; None when it was not read a moment ago.

    Plates of two rows are found anew each time: told where to look, the detector saw them narrower from look to look.
    """
    last, plate = next(((look, look.plate) for look in reversed(looks) if look.plate is not None), (None, None))
    if last is None or plate is None or plate.rows > 1:
        return None
    if (track.seen_at - last.captured_at).total_seconds() > EXPECTED_FOR_S:
        return None
    (left, top, right, bottom), (x1, y1, x2, y2) = last.xyxy, track.xyxy
    wider, higher = (x2 - x1) / (right - left), (y2 - y1) / (bottom - top)
    a, b, c, d = ((x1 + (x - left) * wider, y1 + (y - top) * higher) for x, y in plate.corners)
    return a, b, c, d


def _owns(track: Track, plate: PlateReading, seen: Sequence[Track]) -> bool:
    """Whether a plate found in a vehicle's box is its own, and neither another vehicle's nor lettering.

    In the box of a nearer vehicle it is that one's. One farther away may be seen over this one: plates hang low, so
    that what lies in the upper half here and in the lower half there is that one's.
    """
    if is_lettering(plate, track.vehicle_type, track.xyxy, is_whole=track.xyxy[1] > 0):
        return False
    x, y = geometry.centre(plate.xyxy)
    is_high = y < geometry.centre(track.xyxy)[1]
    return not any(
        other.track_id != track.track_id
        and other.xyxy[0] <= x <= other.xyxy[2]
        and other.xyxy[1] <= y <= other.xyxy[3]
        and (other.xyxy[3] > track.xyxy[3] or (is_high and y > geometry.centre(other.xyxy)[1]))
        for other in seen
    )


def _direction(first: geometry.Box, last: geometry.Box, height_px: int) -> str | None:
    """Travel in the picture: down or growing is approaching, up is leaving; None when it hardly moved.

    What comes in over the picture's lower edge grows while it leaves: then its edges alone tell.
    """
    moved_px, raised_px = last[3] - first[3], first[1] - last[1]
    grown_px = moved_px + raised_px
    if _is_cut_off(first, height_px):
        travel_px = moved_px - raised_px
    else:
        travel_px = moved_px if abs(moved_px) >= abs(grown_px) else grown_px
    if abs(travel_px) < STILL_SHARE * height_px:
        return None
    return "approaching" if travel_px > 0 else "leaving"


def _is_cut_off(xyxy: geometry.Box, height_px: int) -> bool:
    """Whether the picture's lower edge cuts a box off."""
    return xyxy[3] >= (1 - EDGE_SHARE) * height_px
