"""From the packets of a violation to its sealed package."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from detector.evidence.clip import ClipRecord, needs_viewing_copy, write_clip, write_viewing_copy
from detector.evidence.keys import Signer
from detector.evidence.manifest import CaseFacts, Provenance
from detector.evidence.masks import Look
from detector.evidence.package import AnalysedPart, EvidenceRequest, Outcome, Package, describe_package, write_package
from detector.evidence.stills import plan_stills
from detector.evidence.vault import Storage
from detector.evidence.verify import MANIFEST
from detector.packets import Excerpt, Packet, StreamInfo
from detector.video.decoding import decode_at
from pipelines.disk_space import DiskSpace
from pipelines.paired_stills import pair_stills


@dataclass(frozen=True, slots=True)
class PackageMaker:
    """Where packages go, and what every one of them says about how it was made.

    Attributes:
        signer: None for packages without a seal.
        look: finds what copies for publication must not show; None for no such copies.
        storage: where packages go from `root`, once they are sealed; None where they stay.
        space: watches the disk; None for a disk that is not watched.
    """

    root: Path
    provenance: Provenance
    signer: Signer | None = None
    look: Look | None = None
    storage: Storage | None = None
    space: DiskSpace | None = None

    def locate(self, case_id: str) -> str:
        """Where the package of a case is for good: an absolute path, or a URL."""
        return self.storage.vault.locate(case_id) if self.storage else str(self.root / case_id)

    def find_finished(self, case_id: str) -> Package | None:
        """A package that stands already, or only waits for its storage; None when it must be made.

        Raises:
            StorageError: the storage does not answer.
        """
        if self.storage is None:
            return None
        place, kept = self.root / case_id, self.storage.vault.find(case_id)
        if kept is not None:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / MANIFEST).write_bytes(kept)
                package = describe_package(Path(folder), case_id, Outcome.KEPT)
        elif place.is_dir():
            package = describe_package(place, case_id, Outcome.UNCHANGED)
        else:
            return None
        if place.is_dir():
            self.storage.vault.deposit(place, self.storage.site)
        return package

    def make(
        self, facts: CaseFacts, packets: list[Packet], info: StreamInfo, analysed: Excerpt | None = None
    ) -> Package:
        """Decode the stills from the packets, and seal the package of one case.

        Args:
            facts: of the case.
            packets, info: what the clip is made of.
            analysed: the same passage of the stream that was analysed, where that is another one.
        """

        is_short = self.space is not None and self.space.is_short()

        def cut(folder: Path) -> ClipRecord:
            return _cut(packets, info, folder)

        if analysed is None:
            images = decode_at(packets, info, plan_stills(facts.violation, info.upright_wh).pts)
            request = EvidenceRequest(facts, images, cut, look=self.look, spares_clip=is_short)
        else:
            pair = pair_stills(facts.violation, Excerpt(info, packets), analysed)
            part = AnalysedPart(facts.violation, pair.record, lambda folder: _cut_analysed(analysed, folder))
            shown = replace(facts, violation=pair.violation)
            request = EvidenceRequest(shown, pair.images, cut, look=self.look, spares_clip=is_short, analysed=part)
        package = write_package(request, self.root, self.signer)
        if self.storage is not None:
            self.storage.vault.deposit(self.root / facts.case_id, self.storage.site)
        return package


def _cut(packets: list[Packet], info: StreamInfo, folder: Path) -> ClipRecord:
    """Write the clip, and a viewing copy where browsers cannot play it."""
    clip = write_clip(packets, info, folder / "clip.mp4")
    if needs_viewing_copy(info):
        write_viewing_copy(clip.path, folder / "clip.view.mp4")
    return clip


def _cut_analysed(analysed: Excerpt, folder: Path) -> ClipRecord:
    return write_clip(analysed.packets, analysed.info, folder / "analysed.mp4")
