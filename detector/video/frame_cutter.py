"""From packets to the frames that are analysed: the part that recordings and live cameras share."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from av.video.frame import VideoFrame

from detector.entities import Frame
from detector.errors import SourceError
from detector.packets import Packet, RawPacket, StreamInfo
from detector.video.damage import DamageLog, PictureTrust
from detector.video.decoding import DecodedPicture, Decoder, ImageConverter, pts_of
from detector.video.sampling import SamplingGrid

_HIDES_PICTURES = {"vp8", "vp9", "av1", "mpeg4"}
"""Codecs with packets that are never shown (or stand for a repetition): a packet without a picture is no damage."""


class FrameCutter:
    """Decodes, leaves out what damage has spoiled, and hands out the sound pictures on the sampling grid.

    Attributes:
        damage: pictures that were lost.
        decoded: sound pictures so far.
        analysed: frames handed out so far.
    """

    def __init__(self, camera_id: str, analysis_fps: float, info: StreamInfo, started_at: datetime) -> None:
        """Start before the first packet.

        Args:
            camera_id: goes into the frames.
            analysis_fps: frames a second, on an absolute time grid.
            info: the stream.
            started_at: capture time at `stream_s` 0, aware UTC.
        """
        self._camera_id = camera_id
        self._grid = SamplingGrid(analysis_fps)
        self._converter = ImageConverter(info)
        self._trust = PictureTrust(may_hide_pictures=info.codec in _HIDES_PICTURES)
        self._started_at = started_at
        self._last_pts: int | None = None
        self._unwanted: set[int] = set()
        self._index = 0
        self.damage = DamageLog()
        self.decoded = self.analysed = 0

    def send(self, packet: Packet, is_damaged: bool, *, is_wanted: bool = True) -> None:
        """Note a packet that `decode` is about to be given.

        Args:
            packet: the next one.
            is_damaged: the container's word on it.
            is_wanted: False when others rest on its picture, but it is not to be analysed itself.
        """
        self._trust.send(packet, is_damaged)
        if not is_wanted:
            self._unwanted.add(packet.pts)

    def pass_over(self, packet: Packet) -> None:
        """A packet that is never decoded: its picture counts, and takes its place on the grid, as if it had been."""
        self._index += 1
        self._grid.chooses(self._captured_at(packet))

    def skip(self) -> None:
        """Packets were left out before the next one: what still rests on them is not trusted."""
        self._trust.fail()

    def decode(self, decoder: Decoder, raw: RawPacket | None) -> Iterator[Frame]:
        """Frames for those sound pictures that lie on the sampling grid; None as packet: the stream has ended."""
        yield from self._take(decoder, decoder.decode(raw))

    def _take(self, decoder: Decoder, pictures: Sequence[VideoFrame]) -> Iterator[Frame]:
        if decoder.has_failed:
            self._trust.fail()
        for picture in pictures:
            self.lose_before(pts_of(picture))
            packet, is_sound = self._trust.receive(pts_of(picture), picture.is_corrupt)
            if packet is None:
                continue  # it came out too late and has been counted as lost
            is_next = packet.stream_s >= 0 if self._last_pts is None else packet.pts > self._last_pts
            if is_sound and is_next:
                self._last_pts = packet.pts
                yield from self._analyse(picture, packet)
            else:
                self.damage.add(packet.stream_s)

    def lose_before(self, pts: int | None) -> None:
        """Give up the pictures that should have come out before the picture `pts` (None: before the end)."""
        for packet in self._trust.lose_before(pts):
            self.damage.add(packet.stream_s)

    def restart(self, decoder: Decoder) -> Iterator[Frame]:
        """Empty the decoder before packets are passed over; what rests on them is not trusted."""
        yield from self._take(decoder, decoder.drain())
        self.lose_before(None)
        self._trust.fail()
        self._unwanted.clear()

    def _analyse(self, picture: VideoFrame, packet: Packet) -> Iterator[Frame]:
        index, self._index = self._index, self._index + 1
        self.decoded += 1
        captured_at = self._captured_at(packet)
        is_wanted = packet.pts not in self._unwanted
        self._unwanted.discard(packet.pts)
        if self._grid.chooses(captured_at) and is_wanted:
            self.analysed += 1
            yield self.frame(picture, packet, index)

    def frame(self, picture: VideoFrame, packet: Packet, index: int = -1) -> Frame:
        """The frame of a decoded picture; -1 as index where it has no place in the order."""
        shown, captured_at = DecodedPicture(picture, self._converter), self._captured_at(packet)
        return Frame(self._camera_id, shown, index, packet.pts, packet.stream_s, captured_at, packet.sha256)

    def _captured_at(self, packet: Packet) -> datetime:
        try:
            return self._started_at + timedelta(seconds=packet.stream_s)
        except OverflowError:
            told = f"camera {self._camera_id}: a time stamp {packet.stream_s:.0f} s after the first belongs to no date"
            raise SourceError(told) from None
