"""Violations of one source in, stored cases with sealed evidence out.

A case is stored when a rule first speaks: that is the alert. Its evidence follows when the last seconds of its clip
have been seen. A pass that stays in view is sealed with what is known after `LONGEST_WAIT_S`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detector.cases.case_id import derive_case_id
from detector.cases.store import CaseStore
from detector.entities import Camera, Case, CaseStatus, Evidence, Grade, Violation
from detector.errors import EvidenceError, RoadwardenError, StorageError
from detector.evidence.clip import ClipRecord, needs_viewing_copy, write_clip, write_viewing_copy
from detector.evidence.keys import Signer
from detector.evidence.manifest import CaseFacts, Provenance
from detector.evidence.package import EvidenceRequest, Package, write_package
from detector.evidence.stills import plan_stills
from detector.packets import Packet, StreamInfo
from detector.video.decoding import decode_at
from detector.video.source import FrameSource
from pipelines.violation_pipeline import JudgedPass

BEFORE_S = 5.0
"""Seconds of clip before the first deciding moment (domain.md 1.3)."""

AFTER_S = 10.0
"""Seconds of clip after the last deciding moment."""

LONGEST_WAIT_S = 90.0
"""Seconds after the first deciding moment at which a vehicle that is still in view is sealed all the same; together
with `BEFORE_S` less than the packet ring holds."""


RETRY_S = 5.0
"""Seconds of the stream after which a package is tried again that the disk or the database refused."""


@dataclass(frozen=True, slots=True)
class PackageMaker:
    """Where packages go, and what every one of them says about how it was made."""

    root: Path
    provenance: Provenance
    signer: Signer | None = None

    def make(self, facts: CaseFacts, packets: list[Packet], info: StreamInfo) -> Package:
        """Decode the stills from the packets, and seal the package of one case."""
        wanted = plan_stills(facts.violation, info.upright_wh).pts
        request = EvidenceRequest(facts, decode_at(packets, info, wanted), lambda folder: _cut(packets, info, folder))
        return write_package(request, self.root, self.signer)


@dataclass(slots=True)
class _Pending:
    """A violation that waits for the end of its clip."""

    violation: Violation
    is_open: bool
    not_before_s: float = float("-inf")

    @property
    def first_s(self) -> float:
        """First deciding moment, seconds of the stream."""
        return self.violation.deciding[0].stream_s

    @property
    def last_s(self) -> float:
        """Last deciding moment, seconds of the stream."""
        return self.violation.deciding[-1].stream_s


class CasePipeline:
    """Cases of one source, from the first alert to the sealed package."""

    def __init__(
        self,
        camera: Camera,
        source: FrameSource,
        packages: PackageMaker,
        store: CaseStore,
        on_fault: Callable[[RoadwardenError], None] | None = None,
    ) -> None:
        """Start without cases.

        Args:
            camera: that the source belongs to.
            source: gives time, stream and the ring that clips are cut from.
            packages: makes evidence packages.
            store: keeps the cases.
            on_fault: told of what could not be stored; such a violation waits and is tried again, and one whose
                package cannot be made at all keeps its case without evidence. None: faults are raised.
        """
        self._on_fault = on_fault
        self._camera = camera
        self._source = source
        self._packages = packages
        self._store = store
        self._pending: dict[str, _Pending] = {}
        self._sealed: dict[str, tuple[Case, str]] = {}

    @property
    def sealed(self) -> tuple[tuple[Case, str], ...]:
        """Every case sealed so far with the absolute path of its package, in the order of their first moments."""
        return tuple(sorted(self._sealed.values(), key=lambda item: (item[0].captured_at, item[0].case_id)))

    @property
    def has_pending(self) -> bool:
        """Whether a violation still waits for its package."""
        return bool(self._pending)

    def take(self, judged: JudgedPass) -> None:
        """Take a judged pass: a new violation is stored at once, a known one is renewed."""
        vehicle_pass, violation = judged.vehicle_pass, judged.violation
        pass_id = vehicle_pass.pass_id
        if pass_id in self._sealed:
            return
        if violation is None:
            # What an open pass carried is settled: a vehicle that leaves takes nothing back.
            if pass_id in self._pending:
                self._pending[pass_id].is_open = vehicle_pass.is_open
            return
        pending = self._pending[pass_id] = _Pending(violation, vehicle_pass.is_open)
        self._source.ring.hold(pass_id, pending.first_s - BEFORE_S)
        self._guard(lambda: self._store.save(self._make_case(violation, None)))

    def advance(self, stream_s: float) -> None:
        """The source has come to `stream_s` seconds: seal what is complete."""
        for pass_id, pending in list(self._pending.items()):
            has_waited = stream_s >= pending.first_s + LONGEST_WAIT_S
            is_ready = not pending.is_open and self._source.ring.is_complete(pending.last_s + AFTER_S)
            if (is_ready or has_waited) and stream_s >= pending.not_before_s:
                pending.not_before_s = stream_s + RETRY_S
                self._settle(pass_id)

    def finish(self) -> None:
        """The source has ended: seal everything that waits, with the seconds that there are; may be repeated."""
        for pass_id in list(self._pending):
            self._settle(pass_id)

    def _settle(self, pass_id: str) -> None:
        """Seal one violation; one that can never be sealed waits no longer."""
        fault = self._guard(lambda: self._seal(pass_id))
        if isinstance(fault, EvidenceError):
            del self._pending[pass_id]
            self._source.ring.release(pass_id)

    def _guard(self, act: Callable[[], object]) -> RoadwardenError | None:
        """Do something that disk, database or footage may refuse; returns the refusal when somebody is told of it."""
        try:
            act()
        except (EvidenceError, StorageError) as error:
            if self._on_fault is None:
                raise
            self._on_fault(error)
            return error
        return None

    def _seal(self, pass_id: str) -> None:
        """Write the package of one violation and complete its case."""
        pending = self._pending[pass_id]
        ring, info = self._source.ring, self._source.info
        packets = ring.read(pending.first_s - BEFORE_S, pending.last_s + AFTER_S)
        facts = CaseFacts(
            derive_case_id(pending.violation.vehicle_pass, self._source.time),
            pending.violation,
            self._camera,
            self._source.time,
            self._packages.provenance,
        )
        package = self._packages.make(facts, packets, info)
        self._store.save(self._make_case(pending.violation, package))
        # A case that was sealed before keeps what it said then: what is told is what is stored.
        self._sealed[pass_id] = (self._store.get(facts.case_id), str(self._packages.root / facts.case_id))
        del self._pending[pass_id]
        ring.release(pass_id)

    def _make_case(self, violation: Violation, package: Package | None) -> Case:
        """The case as it stands; without a package it is a lead, whatever becomes of it."""
        vehicle_pass, time = violation.vehicle_pass, self._source.time
        grade, reasons = (package.grade, package.grade_reasons) if package else (Grade.LEAD, ("evidence_pending",))
        return Case(
            case_id=derive_case_id(vehicle_pass, time),
            camera_id=self._camera.camera_id,
            place=self._camera.place,
            vehicle_type=vehicle_pass.vehicle_type,
            status=CaseStatus.CANDIDATE,
            grade=grade,
            grade_reasons=reasons,
            findings=violation.findings,
            plate=vehicle_pass.plate,
            load=vehicle_pass.load,
            captured_at=violation.deciding[0].captured_at,
            time=time,
            evidence=self._locate(package.evidence) if package else None,
            district=self._camera.district,
        )

    def _locate(self, evidence: Evidence) -> Evidence:
        """The evidence with the absolute path of its folder, since packages may go anywhere."""
        folder = str(self._packages.root / evidence.folder)
        return Evidence(folder, evidence.manifest_sha256, evidence.clip_start_s, evidence.clip_end_s)


def _cut(packets: list[Packet], info: StreamInfo, folder: Path) -> ClipRecord:
    """Write the clip, and a viewing copy where browsers cannot play it."""
    clip = write_clip(packets, info, folder / "clip.mp4")
    if needs_viewing_copy(info):
        write_viewing_copy(clip.path, folder / "clip.view.mp4")
    return clip
