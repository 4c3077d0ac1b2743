"""From the packets of a violation to its sealed package."""

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from detector.evidence.clip import ClipRecord, needs_viewing_copy, write_clip, write_viewing_copy
from detector.evidence.keys import Signer
from detector.evidence.manifest import CaseFacts, Provenance, describe_observations
from detector.evidence.masks import Look
from detector.evidence.package import EvidenceRequest, Outcome, Package, SecondClip, describe_package, write_package
from detector.evidence.stills import plan_stills
from detector.evidence.vault import Storage
from detector.evidence.verify import MANIFEST
from detector.packets import Excerpt
from detector.video.decoding import decode_at
from pipelines.disk_space import DiskSpace
from pipelines.freed_memory import give_back_free_pages
from pipelines.paired_stills import PairedStills, pair_stills


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

    def make(self, facts: CaseFacts, main: Excerpt, analysed: Excerpt | None = None) -> Package:
        """Decode the stills from the packets, and seal the package of one case.

        Args:
            facts: of the case.
            main: the passage of the stream that proves.
            analysed: the same passage of the stream that was analysed, where that is another one.
        """
        give_back_free_pages()
        if analysed is None:
            request = self._ask(facts, main, None)
        elif (pair := pair_stills(facts.violation, main, analysed)) is not None:
            request = self._ask_of_pair(facts, pair, main, analysed)
        else:
            # Nothing says which main picture shows what was analysed: the package is of the smaller stream.
            request = self._ask(facts, analysed, SecondClip("main", {}, partial(_write, main, "main.mp4")))
        is_short = self.space is not None and self.space.is_short()
        package = write_package(replace(request, spares_clip=is_short), self.root, self.signer)
        if self.storage is not None:
            self.storage.vault.deposit(self.root / facts.case_id, self.storage.site)
        return package

    def _ask(self, facts: CaseFacts, excerpt: Excerpt, second: SecondClip | None) -> EvidenceRequest:
        """Stills bit for bit as they were analysed."""
        images = decode_at(excerpt.packets, excerpt.info, plan_stills(facts.violation, excerpt.info.upright_wh).pts)
        return EvidenceRequest(facts, images, partial(_cut, excerpt), look=self.look, second=second)

    def _ask_of_pair(self, facts: CaseFacts, pair: PairedStills, main: Excerpt, analysed: Excerpt) -> EvidenceRequest:
        """Stills of the main stream; what was analysed stands beside them."""
        width, height = analysed.info.upright_wh
        record = {"width": width, "height": height, "instants": pair.instants}
        record["observations"] = describe_observations(facts)
        second = SecondClip("analysed", record, partial(_write, analysed, "analysed.mp4"))
        shown = replace(facts, violation=pair.violation)
        return EvidenceRequest(shown, pair.images, partial(_cut, main), look=self.look, second=second)


def _cut(excerpt: Excerpt, folder: Path) -> ClipRecord:
    """Write the clip, and a viewing copy where browsers cannot play it."""
    clip = _write(excerpt, "clip.mp4", folder)
    if needs_viewing_copy(excerpt.info):
        write_viewing_copy(clip.path, folder / "clip.view.mp4")
    return clip


def _write(excerpt: Excerpt, name: str, folder: Path) -> ClipRecord:
    return write_clip(excerpt.packets, excerpt.info, folder / name)
