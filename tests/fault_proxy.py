"""A TCP proxy before a camera that does what networks do: refuse, reset, stall, cut, garble, lie about time."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

RST_ON_CLOSE = struct.pack("ii", 1, 0)

Transform = Callable[[bytes], bytes]


class FaultProxy:
    """Forwards to `target` as `answer` lets it; both may be changed at any time.

    Attributes:
        target: port on this host.
        answer: what becomes of the bytes that come from the target; None passes them on.
        connections: accepted so far.
        port: that it listens on; connections are refused while `refuse()` holds.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.answer: Transform | None = None
        self.connections = 0
        self._stalled = threading.Event()
        self._live: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = self._listen(0)
        self.port = self._listener.getsockname()[1]

    def stall(self, is_stalled: bool) -> None:
        """Nothing is passed on, and nobody is told."""
        (self._stalled.set if is_stalled else self._stalled.clear)()

    def reset(self) -> None:
        """Every connection breaks at once."""
        with self._lock:
            live, self._live = self._live, set()
        for peer in live:
            with suppress(OSError):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()

    def refuse(self) -> None:
        """Nobody listens any more, and what there is breaks."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def accept(self) -> None:
        """Listen again on the same port."""
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
        return listener

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                self.connections += 1
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._live |= {client, server}
                for source, sink, answers in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pump, args=(source, sink, answers), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(16384):
                while self._stalled.is_set() and source.fileno() >= 0:
                    threading.Event().wait(0.05)
                if answers and self.answer is not None:
                    data = self.answer(data)
                    if not data:
                        break
                sink.sendall(data)
        with self._lock:
            self._live -= {source, sink}
        for peer in (source, sink):
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()


class Reframing:
    """Takes an RTSP connection apart: interleaved packets go through `change`, everything else passes."""

    def __init__(self, change: Callable[[int, bytearray], None]) -> None:
        self._change = change
        self._rest = b""

    def __call__(self, data: bytes) -> bytes:
        self._rest += data
        out = bytearray()
        while self._rest:
            if self._rest[0] != 0x24:  # "$" begins an interleaved packet
                at = self._rest.find(b"$")
                at = len(self._rest) if at < 0 else at
                out += self._rest[:at]
                self._rest = self._rest[at:]
                continue
            if len(self._rest) < 4:
                break
            channel, size = self._rest[1], int.from_bytes(self._rest[2:4], "big")
            if len(self._rest) < 4 + size:
                break
            payload = bytearray(self._rest[4 : 4 + size])
            self._change(channel, payload)
            out += self._rest[:4] + payload
            self._rest = self._rest[4 + size :]
        return bytes(out) or b"\r\n"


def shift_clock(seconds: int) -> Reframing:
    """Sender reports say another time (RFC 3550, 6.4.1: NTP seconds at byte 8)."""

    def change(channel: int, payload: bytearray) -> None:
        if channel == 1 and len(payload) >= 16 and payload[1] == 200:
            now = int.from_bytes(payload[8:12], "big")
            payload[8:12] = (now + seconds).to_bytes(4, "big")

    return Reframing(change)
