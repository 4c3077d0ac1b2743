"""`roadwarden replay --fleet`: recordings spread over a cluster, one at a time on each worker."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import av
import av.error

from detector.database.engine import open_database
from detector.database.leases import LeaseStore
from detector.errors import ConfigurationError
from pipelines.build import open_replayer, read_version
from pipelines.config import resolve_home
from pipelines.fleet.cluster import actor_options, connected, list_nodes
from pipelines.fleet.placement import Slot, find_slots
from pipelines.fleet.replay_actor import OpenReplayer, ReplayActor
from pipelines.fleet.replay_journal import ReplayJournal, identify
from pipelines.progress import ReplayProgress
from pipelines.replay import ReplayOptions
from pipelines.report import ClipReport

logger = logging.getLogger(__name__)

ROUND_S = 1.0
NODES_S = 5.0
TRIES = 3
"""Machines that may die over a recording before it is given up."""


@dataclass(frozen=True, slots=True)
class FleetReplay:
    """A replay on a cluster.

    Attributes:
        address: of the cluster.
        database: URL; all machines reach it.
        options: as for one machine; all machines see the evidence folder.
        gpu_share: part of a GPU that a worker takes.
        open_replayer: makes a machine's replayer.
    """

    address: str
    database: str = field(repr=False)
    options: ReplayOptions
    gpu_share: float = 1.0
    open_replayer: OpenReplayer = open_replayer


Told = Callable[[dict[str, Any], ClipReport | None], None]


def replay_fleet(replay: FleetReplay, clips: Sequence[Path], progress: ReplayProgress, tell: Told) -> None:
    """Replay recordings; what an interrupted replay of the same kind has done is not done again.

    Args:
        replay: where and how.
        clips: absolute paths, the same on all machines.
        progress: one bar for all of them.
        tell: called with each report as it comes, as JSON and whole; None for one that was done before.

    Raises:
        ConfigurationError: the cluster cannot be reached or has no machine that works; or as with one machine.
        StorageError: the database or the evidence cannot be written.
        ModelError: weights are missing or altered on a machine.
    """
    engine = open_database(replay.database)
    try:
        LeaseStore(engine)  # says what is wrong with a database in which no fleet can meet
    finally:
        engine.dispose()
    journal = ReplayJournal(resolve_home() / "fleet", identify(replay.options, replay.database, read_version()))
    waiting = []
    for clip in clips:
        done = journal.find(clip)
        if done is None:
            waiting.append(clip)
        else:
            tell(done, None)
    if waiting:
        with connected(replay.address) as ray:
            _Spreader(ray, replay, waiting).run(progress, lambda report: _take(report, journal, tell))
    journal.close()


def _take(report: ClipReport, journal: ReplayJournal, tell: Told) -> None:
    row = report.to_json()
    journal.note(Path(report.path), row)
    tell(row, report)


@dataclass(slots=True)
class _Hand:
    """An actor on a slot, and what it has in hand."""

    slot: Slot
    actor: Any
    clip: Path | None = None
    answer: Any = None
    stream_s: float = 0.0
    frames: int = 0


class _Spreader:
    """Gives recordings to actors until all are done."""

    def __init__(self, ray: Any, replay: FleetReplay, clips: Sequence[Path]) -> None:
        self._ray = ray
        self._replay = replay
        self._waiting = deque(clips)
        self._tries = dict.fromkeys(clips, 0)
        self._hands: dict[str, _Hand] = {}
        self._failed: list[ClipReport] = []
        self._looked_at = float("-inf")
        self._done_s = 0.0
        self._done_frames = 0

    def run(self, progress: ReplayProgress, take: Callable[[ClipReport], None]) -> None:
        self._follow_nodes()
        if not self._hands:
            raise ConfigurationError(f"--fleet {self._replay.address}: no machine of the cluster offers a CPU")
        progress.begin(f"{len(self._waiting)} recordings", sum(map(_duration_s, self._waiting)))
        try:
            while self._waiting or self._failed or any(hand.clip for hand in self._hands.values()):
                if monotonic() - self._looked_at > NODES_S:
                    self._follow_nodes()
                self._hand_out()
                for report in self._collect():
                    take(report)
                self._listen()
                busy = [hand for hand in self._hands.values() if hand.clip]
                seen_s = self._done_s + sum(hand.stream_s for hand in busy)
                progress.advance(seen_s, self._done_frames + sum(hand.frames for hand in busy))
        finally:
            for hand in self._hands.values():
                self._ray.kill(hand.actor)

    def _follow_nodes(self) -> None:
        """An actor on each slot of the machines that live."""
        self._looked_at = monotonic()
        slots = {slot.worker_id: slot for slot in find_slots(list_nodes(self._ray), self._replay.gpu_share)}
        for worker_id, hand in list(self._hands.items()):
            if slots.get(worker_id) != hand.slot:
                self._lose(hand)
        for worker_id in slots.keys() - self._hands.keys():
            options = actor_options(slots[worker_id]) | {"max_concurrency": 2}
            actor = self._ray.remote(ReplayActor).options(**options)
            replay = self._replay
            made = actor.remote(replay.open_replayer, replay.database, replay.options, str(resolve_home()))
            self._hands[worker_id] = _Hand(slots[worker_id], made)

    def _hand_out(self) -> None:
        for hand in self._hands.values():
            if hand.clip is None and self._waiting:
                hand.clip = self._waiting.popleft()
                hand.stream_s, hand.frames = 0.0, 0
                hand.answer = hand.actor.replay.remote(hand.clip)

    def _collect(self) -> list[ClipReport]:
        """Reports of recordings that are done, or given up."""
        reports, self._failed = self._failed, []
        working = {hand.answer: hand for hand in self._hands.values() if hand.clip}
        if not working:
            sleep(ROUND_S)  # no machine lives: one may come back
            return reports
        answered, _ = self._ray.wait(list(working), timeout=ROUND_S)
        for answer in answered:
            hand = working[answer]
            try:
                outcome = self._ray.get(answer)
            except self._ray.exceptions.RayActorError:
                self._lose(hand)
                continue
            if outcome.fault is not None:
                raise outcome.fault
            hand.clip = hand.answer = None
            self._done_s += outcome.report.video_s
            self._done_frames += outcome.report.frames
            reports.append(outcome.report)
        return reports

    def _lose(self, hand: _Hand) -> None:
        """A machine died: what it had in hand is for another one, unless too many died over it."""
        del self._hands[hand.slot.worker_id]
        self._ray.kill(hand.actor)
        clip, hand.clip = hand.clip, None
        if clip is None:
            return
        self._tries[clip] += 1
        logger.warning("%s: the worker on %s died; it is replayed again", clip, hand.slot.node.name)
        if self._tries[clip] < TRIES:
            self._waiting.appendleft(clip)
        else:
            self._failed.append(ClipReport(str(clip), error=f"{clip}: {TRIES} workers died over it"))

    def _listen(self) -> None:
        """How far each recording is; who does not answer at once is heard later."""
        asked = {hand.actor.tell.remote(): hand for hand in self._hands.values() if hand.clip}
        answered, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=ROUND_S) if asked else ([], [])
        for answer in answered:
            try:
                asked[answer].stream_s, asked[answer].frames = self._ray.get(answer)
            except self._ray.exceptions.RayActorError:
                continue


def _duration_s(clip: Path) -> float:
    """Length of a recording as its container states it; 0 where it cannot be told."""
    try:
        with av.open(str(clip)) as container:
            return (container.duration or 0) / av.time_base
    except (av.error.FFmpegError, OSError):
        return 0.0
