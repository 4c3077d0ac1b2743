"""A `FrameCutter` behind a `PacketGate`: decodes what passes, and glances at single key frames while it is closed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

from detector.entities import Frame
from detector.packets import Packet, RawPacket, StreamInfo
from detector.video.activity_gate import Need, PacketGate
from detector.video.decoding import Decoder, open_decoder
from detector.video.frame_cutter import FrameCutter
from detector.video.source import Glance


class GatedCutter:
    """Packets in, frames and glances out; a context manager, because it owns decoders."""

    def __init__(
        self,
        cutter: FrameCutter,
        info: StreamInfo,
        gate: PacketGate | None,
        open_decoder_of_all: Callable[[], AbstractContextManager[Decoder]],
    ) -> None:
        """Start before the first packet.

        Args:
            cutter: makes the frames.
            info: the stream.
            gate: None: everything passes.
            open_decoder_of_all: gives a decoder of the stream that may begin with any key frame; it is held while
                packets pass, and given back while the gate is closed, since a decoder keeps a dozen pictures.
        """
        self._cutter = cutter
        self._info = info
        self._gate = gate
        self._damaged: set[int] = set()
        self._stack, self._stack_of_all = ExitStack(), ExitStack()
        self._open_decoder_of_all = open_decoder_of_all
        self._decoder: Decoder | None = None
        self._glancer: Decoder | None = None

    def __enter__(self) -> "GatedCutter":
        """Return the cutter itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        self._give_back_decoder()
        self._stack.close()

    def take(self, packet: Packet, is_damaged: bool, raw: RawPacket | None = None) -> Iterator[Frame | Glance]:
        """What the next packet gives: frames in the order of time, and glances.

        Args:
            packet: the next one.
            is_damaged: the container's word on it.
            raw: the same packet as FFmpeg has it, with all that hangs on it; None: it is made anew.
        """
        if raw is not None and raw.is_discard:  # an edit list hides the picture, but others may rest on it
            yield from self._cutter.decode(self._take_decoder(), raw)
            return
        if self._gate is None:
            yield from self._decode(packet, is_damaged, raw)
            return
        if is_damaged:
            self._damaged.add(packet.pts)
        was_open = self._gate.is_open
        steps = self._gate.take(packet)
        if was_open and not self._gate.is_open:
            yield from self._cutter.restart(self._take_decoder())
            self._give_back_decoder()
        for step, need in steps:
            if need is Need.GLANCE:
                yield from self._glance(step)
            elif need is Need.NOTHING:
                self._damaged.discard(step.pts)
                self._cutter.pass_over(step)
            else:
                is_step_damaged = step.pts in self._damaged
                self._damaged.discard(step.pts)
                as_it_came = raw if step is packet else None
                yield from self._decode(step, is_step_damaged, as_it_came, is_wanted=need is Need.ANALYSE)

    def skip(self) -> None:
        """Packets were left out before the next one."""
        self._cutter.skip()

    def finish(self) -> Iterator[Frame]:
        """What is still in the decoder; what the gate holds back stays there."""
        if self._decoder is not None:
            yield from self._cutter.decode(self._decoder, None)

    def _take_decoder(self) -> Decoder:
        if self._decoder is None:
            self._decoder = self._stack_of_all.enter_context(self._open_decoder_of_all())
        return self._decoder

    def _give_back_decoder(self) -> None:
        self._decoder = None
        self._stack_of_all.close()

    def _decode(
        self, packet: Packet, is_damaged: bool, raw: RawPacket | None, *, is_wanted: bool = True
    ) -> Iterator[Frame]:
        self._cutter.send(packet, is_damaged, is_wanted=is_wanted)
        yield from self._cutter.decode(self._take_decoder(), raw or packet.to_av())

    def _glance(self, packet: Packet) -> Iterator[Glance]:
        """A key frame decoded alone; one that is damaged shows nothing."""
        if self._glancer is None:
            self._glancer = self._stack.enter_context(open_decoder(self._info))
        pictures = self._glancer.decode(packet.to_av())
        for picture in [*pictures, *self._glancer.drain()]:
            if not picture.is_corrupt and packet.pts not in self._damaged:
                yield Glance(self._cutter.frame(picture, packet))
