"""From the packets of a violation to its sealed package."""

from dataclasses import dataclass, replace
from pathlib import Path

from detector.evidence.clip import ClipRecord, needs_viewing_copy, write_clip, write_viewing_copy
from detector.evidence.keys import Signer
from detector.evidence.manifest import CaseFacts, Provenance
from detector.evidence.masks import Look
from detector.evidence.package import AnalysedPart, EvidenceRequest, Package, write_package
from detector.evidence.stills import plan_stills
from detector.packets import Excerpt, Packet, StreamInfo
from detector.video.decoding import decode_at
from pipelines.paired_stills import pair_stills


@dataclass(frozen=True, slots=True)
class PackageMaker:
    """Where packages go, and what every one of them says about how it was made.

    Attributes:
        signer: None for packages without a seal.
        look: finds what copies for publication must not show; None for no such copies.
    """

    root: Path
    provenance: Provenance
    signer: Signer | None = None
    look: Look | None = None

    def make(
        self, facts: CaseFacts, packets: list[Packet], info: StreamInfo, analysed: Excerpt | None = None
    ) -> Package:
        """Decode the stills from the packets, and seal the package of one case.

        Args:
            facts: of the case.
            packets, info: what the clip is made of.
            analysed: the same passage of the stream that was analysed, where that is another one.
        """

        def cut(folder: Path) -> ClipRecord:
            return _cut(packets, info, folder)

        if analysed is None:
            images = decode_at(packets, info, plan_stills(facts.violation, info.upright_wh).pts)
            request = EvidenceRequest(facts, images, cut, look=self.look)
        else:
            pair = pair_stills(facts.violation, Excerpt(info, packets), analysed)
            part = AnalysedPart(facts.violation, pair.record, lambda folder: _cut_analysed(analysed, folder))
            shown = replace(facts, violation=pair.violation)
            request = EvidenceRequest(shown, pair.images, cut, look=self.look, analysed=part)
        return write_package(request, self.root, self.signer)


def _cut(packets: list[Packet], info: StreamInfo, folder: Path) -> ClipRecord:
    """Write the clip, and a viewing copy where browsers cannot play it."""
    clip = write_clip(packets, info, folder / "clip.mp4")
    if needs_viewing_copy(info):
        write_viewing_copy(clip.path, folder / "clip.view.mp4")
    return clip


def _cut_analysed(analysed: Excerpt, folder: Path) -> ClipRecord:
    return write_clip(analysed.packets, analysed.info, folder / "analysed.mp4")
