"""Violations of one source in, stored cases with sealed evidence out.

A case is stored when a rule first speaks: that is the alert. Its evidence follows when the last seconds of its clip
have been seen. A pass that stays in view is sealed with what is known after `LONGEST_WAIT_S`.

    take ─► journal ─► alert (clerk) ─► clip complete ─► package (sealer) ─► case with evidence (clerk) ─► forgotten

One thread calls `take`, `advance` and `finish`; what writes runs where `Workers` says, one job a case at a time, and
its outcome is collected by the calling thread. So nothing here is shared between threads.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import Any

from detector.cases.case_id import derive_case_id
from detector.cases.store import CaseStore
from detector.entities import Camera, Case, CaseStatus, Evidence, Grade, Violation
from detector.errors import EvidenceError, LeaseLost, RoadwardenError, StorageError
from detector.evidence.manifest import CaseFacts
from detector.evidence.package import Package
from detector.packets import Excerpt
from detector.video.source import Footage
from pipelines.journal import Journal
from pipelines.package_maker import PackageMaker
from pipelines.violation_pipeline import JudgedPass
from pipelines.workers import Workers

BEFORE_S = 5.0
"""Seconds of clip before the first deciding moment (domain.md 1.3)."""

AFTER_S = 10.0
"""Seconds of clip after the last deciding moment."""

LONGEST_WAIT_S = 90.0
"""Seconds after the first deciding moment at which a vehicle that is still in view is sealed all the same; together
with `BEFORE_S` less than the packet ring holds."""

RETRY_S = 5.0
"""How long to wait before something is tried again that the disk or the database refused."""


@dataclass(frozen=True, slots=True)
class CaseKeeping:
    """Where cases go.

    Attributes:
        packages: makes evidence packages.
        store: keeps the cases.
        workers: who writes; at once in the calling thread when not given.
        on_fault: told of what could not be written; such a violation waits and is tried again, and one whose package
            cannot be made at all keeps its case without evidence. One that another worker of a fleet may have seen,
            because this one has lost the camera, is given up. None: faults are raised.
        journal: remembers what waits if the process dies; None for none.
        on_alert: told of each violation whose case has come into the database for the first time; None for nobody.
    """

    packages: PackageMaker
    store: CaseStore
    workers: Workers
    on_fault: Callable[[RoadwardenError], None] | None = None
    journal: Journal | None = None
    on_alert: Callable[[Violation], None] | None = None


class _Job(Enum):
    """What can be written for a case."""

    ALERT = "its first row"
    PACKAGE = "its evidence package"
    END = "its complete row"


@dataclass(slots=True)
class _Pending:
    """A violation on its way to a case with evidence.

    Attributes:
        is_noted, is_alerted: whether journal and database know its newest state.
        package: once it is sealed.
        is_hopeless: no package can ever be made of it.
        job, writing: what is being written for it, if anything.
        retry_at: monotonic; nothing is tried before.
    """

    facts: CaseFacts
    is_open: bool
    is_noted: bool = False
    is_alerted: bool = False
    package: Package | None = None
    is_hopeless: bool = False
    job: Future[Any] | None = None
    writing: _Job | None = None
    retry_at: float = float("-inf")

    @property
    def first_s(self) -> float:
        """First deciding moment, seconds of the stream."""
        return self.facts.violation.deciding[0].stream_s

    @property
    def last_s(self) -> float:
        """Last deciding moment, seconds of the stream."""
        return self.facts.violation.deciding[-1].stream_s

    @property
    def is_closing(self) -> bool:
        """Whether its package is made or being made: what it says does not change any more."""
        return self.package is not None or self.is_hopeless or self.writing is _Job.PACKAGE


class CasePipeline:
    """Cases of one source, from the first alert to the sealed package.

    Attributes:
        sealed_count: cases sealed so far.
    """

    def __init__(self, camera: Camera, source: Footage, keeping: CaseKeeping) -> None:
        """Start without cases.

        Args:
            camera: that the source belongs to.
            source: gives time, stream and the ring that clips are cut from.
            keeping: where cases go.
        """
        self._camera = camera
        self._source = source
        self._keeping = keeping
        self._pending: dict[str, _Pending] = {}
        self._sealed: dict[str, tuple[Case, str]] = {}
        self.sealed_count = 0

    @property
    def sealed(self) -> tuple[tuple[Case, str], ...]:
        """Every case sealed so far with the place of its package, in the order of their first moments."""
        return tuple(sorted(self._sealed.values(), key=lambda item: (item[0].captured_at, item[0].case_id)))

    def forget_sealed(self, keep: int) -> None:
        """Let go of all sealed cases but the last ones: for a source that never ends."""
        for pass_id in list(self._sealed)[:-keep]:
            del self._sealed[pass_id]

    @property
    def has_pending(self) -> bool:
        """Whether a violation still waits for its package or its place in the database."""
        return bool(self._pending)

    @property
    def pending_count(self) -> int:
        """How many violations do."""
        return len(self._pending)

    def take(self, judged: JudgedPass) -> None:
        """Take a judged pass: a new violation is stored at once, a known one is renewed."""
        vehicle_pass, violation = judged.vehicle_pass, judged.violation
        pass_id = vehicle_pass.pass_id
        known = self._pending.get(pass_id)
        if pass_id in self._sealed or (known is not None and known.is_closing):
            return
        if violation is None:
            # What an open pass carried is settled: a vehicle that leaves takes nothing back.
            if known is not None:
                known.is_open = vehicle_pass.is_open
            return
        if known is None:
            known = self._pending[pass_id] = _Pending(self._facts(violation), vehicle_pass.is_open)
        else:
            known.facts, known.is_open = self._facts(violation), vehicle_pass.is_open
            known.is_noted = known.is_alerted = False
        self._source.ring.hold(pass_id, known.first_s - BEFORE_S)
        self._step(pass_id, is_ready=False)

    def resume(self, facts: CaseFacts) -> None:
        """Take up a case that another process noted in its journal; the source is what that process left."""
        self._pending[facts.violation.vehicle_pass.pass_id] = _Pending(facts, is_open=False, is_noted=True)

    def advance(self, stream_s: float) -> None:
        """The source has come to `stream_s` seconds: seal what is complete."""
        for pass_id, pending in list(self._pending.items()):
            has_waited = stream_s >= pending.first_s + LONGEST_WAIT_S
            is_complete = not pending.is_open and self._source.ring.is_complete(pending.last_s + AFTER_S)
            self._step(pass_id, is_ready=is_complete or has_waited)

    def finish(self) -> None:
        """The source has ended: seal everything that waits, with the seconds that there are; may be repeated."""
        for pass_id in list(self._pending):
            self._step(pass_id, is_ready=True)

    def drain(self) -> None:
        """`finish`, and wait until everything stands; faults must be raised (`CaseKeeping.on_fault`)."""
        while self._pending:
            self.finish()
            wait([pending.job for pending in self._pending.values() if pending.job is not None])

    def _facts(self, violation: Violation) -> CaseFacts:
        case_id = derive_case_id(violation.vehicle_pass, self._source.time)
        return CaseFacts(case_id, violation, self._camera, self._source.time, self._keeping.packages.provenance)

    def _step(self, pass_id: str, *, is_ready: bool) -> None:
        """Collect what has been written for a case, and begin what is next, as far as that goes without waiting."""
        pending = self._pending[pass_id]
        while pass_id in self._pending:
            if pending.job is not None:
                if pending.job.done():
                    self._collect(pending)
                elif is_ready and pending.writing is _Job.ALERT:
                    pending.job = pending.writing = None  # evidence waits for no database that does not answer
                else:
                    return
            elif monotonic() < pending.retry_at or not self._begin_next(pending, is_ready):
                return

    def _begin_next(self, pending: _Pending, is_ready: bool) -> bool:
        """Begin whatever a case needs next; False when it needs nothing now."""
        keeping = self._keeping
        if not pending.is_noted and keeping.journal is not None:
            self._note(pending, keeping.journal)
        if pending.package is not None or pending.is_hopeless:
            pending.writing = _Job.END
            pending.job = keeping.workers.clerk.submit(self._complete, pending.facts, pending.package)
        elif is_ready:
            pending.writing = _Job.PACKAGE
            span_s = pending.first_s - BEFORE_S, pending.last_s + AFTER_S
            excerpts = keeping.workers.reader.submit(self._read, span_s)
            pending.job = keeping.workers.sealer.submit(self._seal, pending.facts, excerpts)
        elif not pending.is_alerted:
            pending.is_alerted = True
            pending.writing = _Job.ALERT
            pending.job = keeping.workers.clerk.submit(keeping.store.save, _make_case(pending.facts, None))
        else:
            return False
        return True

    def _note(self, pending: _Pending, journal: Journal) -> None:
        """Write a case down before anything is done about it; a disk that refuses holds up nothing."""
        try:
            journal.note(pending.facts)
            pending.is_noted = True
        except StorageError as error:
            self._tell(error)

    def _collect(self, pending: _Pending) -> None:
        """What became of the job of a case."""
        job, written = pending.job, pending.writing
        if job is None:
            return
        pending.job = pending.writing = None
        try:
            result = job.result()
        except EvidenceError as error:
            self._tell(error)
            pending.is_hopeless = True
        except LeaseLost as error:
            self._tell(error)
            self._take_end(pending, None)
        except StorageError as error:
            self._tell(error)
            pending.is_alerted = False
            pending.retry_at = monotonic() + RETRY_S
        else:
            if written is _Job.ALERT:
                self._take_alert(pending, is_new=result)
            elif written is _Job.PACKAGE:
                self._take_package(pending, result)
            elif written is _Job.END:
                self._take_end(pending, result)

    def _tell(self, error: RoadwardenError) -> None:
        if self._keeping.on_fault is None:
            raise error
        self._keeping.on_fault(error)

    def _take_alert(self, pending: _Pending, *, is_new: bool) -> None:
        if is_new and self._keeping.on_alert is not None:
            self._keeping.on_alert(pending.facts.violation)

    def _take_package(self, pending: _Pending, package: Package) -> None:
        """The package stands: its packets may go, however long the database is away."""
        pending.package = package
        self._source.ring.release(pending.facts.violation.vehicle_pass.pass_id)

    def _take_end(self, pending: _Pending, case: Case | None) -> None:
        """The database knows everything about a case."""
        pass_id = pending.facts.violation.vehicle_pass.pass_id
        if case is not None:
            self.sealed_count += 1
            self._sealed[pass_id] = (case, self._keeping.packages.locate(case.case_id))
        del self._pending[pass_id]
        self._source.ring.release(pass_id)
        if self._keeping.journal is not None:
            self._keeping.journal.forget(pending.facts.case_id)

    def _read(self, span_s: tuple[float, float]) -> tuple[Excerpt, Excerpt | None]:
        """The packets of a package, and those of the stream that was analysed where that is another one."""
        source, analysed = self._source, self._source.analysed
        main = Excerpt(source.info, source.ring.read(*span_s))
        return main, Excerpt(analysed.info, analysed.ring.read(*span_s)) if analysed else None

    def _seal(self, facts: CaseFacts, excerpts: Future[tuple[Excerpt, Excerpt | None]]) -> Package:
        """Write the package of one violation; in the sealer's thread."""
        if finished := self._keeping.packages.find_finished(facts.case_id):
            return finished
        return self._keeping.packages.make(facts, *excerpts.result())

    def _complete(self, facts: CaseFacts, package: Package | None) -> Case | None:
        """Complete a case in the database; in the clerk's thread.

        Returns:
            The case as it is stored, which keeps what it said when it was sealed before; None without a package.
        """
        store = self._keeping.store
        store.save(_make_case(facts, self._locate(package)))
        return store.get(facts.case_id) if package else None

    def _locate(self, package: Package | None) -> Package | None:
        """The package with the absolute path of its folder, or its URL, since packages may go anywhere."""
        if package is None:
            return None
        evidence = package.evidence
        folder = self._keeping.packages.locate(evidence.folder)
        located = Evidence(folder, evidence.manifest_sha256, evidence.clip_start_s, evidence.clip_end_s)
        return Package(located, package.grade, package.grade_reasons, package.outcome)


def _make_case(facts: CaseFacts, package: Package | None) -> Case:
    """The case as it stands; without a package it is a lead, whatever becomes of it."""
    violation, vehicle_pass = facts.violation, facts.violation.vehicle_pass
    grade, reasons = (package.grade, package.grade_reasons) if package else (Grade.LEAD, ("evidence_pending",))
    return Case(
        case_id=facts.case_id,
        camera_id=facts.camera.camera_id,
        place=facts.camera.place,
        vehicle_type=vehicle_pass.vehicle_type,
        status=CaseStatus.CANDIDATE,
        grade=grade,
        grade_reasons=reasons,
        findings=violation.findings,
        plate=vehicle_pass.plate,
        load=vehicle_pass.load,
        captured_at=violation.deciding[0].captured_at,
        time=facts.time,
        evidence=package.evidence if package else None,
        district=facts.camera.district,
        source_site=facts.camera.source_site,
    )
