"""From the packets of a violation to its sealed package."""

from dataclasses import dataclass
from pathlib import Path

from detector.evidence.clip import ClipRecord, needs_viewing_copy, write_clip, write_viewing_copy
from detector.evidence.keys import Signer
from detector.evidence.manifest import CaseFacts, Provenance
from detector.evidence.masks import Look
from detector.evidence.package import EvidenceRequest, Package, write_package
from detector.evidence.stills import plan_stills
from detector.packets import Packet, StreamInfo
from detector.video.decoding import decode_at


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

    def make(self, facts: CaseFacts, packets: list[Packet], info: StreamInfo) -> Package:
        """Decode the stills from the packets, and seal the package of one case."""
        wanted = plan_stills(facts.violation, info.upright_wh).pts
        images = decode_at(packets, info, wanted)
        request = EvidenceRequest(facts, images, lambda folder: _cut(packets, info, folder), look=self.look)
        return write_package(request, self.root, self.signer)


def _cut(packets: list[Packet], info: StreamInfo, folder: Path) -> ClipRecord:
    """Write the clip, and a viewing copy where browsers cannot play it."""
    clip = write_clip(packets, info, folder / "clip.mp4")
    if needs_viewing_copy(info):
        write_viewing_copy(clip.path, folder / "clip.view.mp4")
    return clip
