"""Takes messages from the outbox to their receivers, again and again until they are there."""

import logging
import threading
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from detector.dispatch.outbox import Outbox
from detector.dispatch.protocol import Refused, Sender, Unreachable
from detector.entities import Message
from detector.errors import StorageError

logger = logging.getLogger(__name__)

IDLE_S = 0.5
AT_ONCE = 8
"""Receivers served side by side by `run_once`."""

A_TURN = 5
"""Messages leased at once for one receiver: five that run into a time-out end before their lease does."""


class Courier:
    """One process that sends; several may run."""

    def __init__(self, outbox: Outbox, senders: Mapping[str, Sender]) -> None:
        """Serve the receivers of these names; messages to others wait."""
        self._outbox = outbox
        self._senders = senders

    def run_once(self) -> int:
        """Send everything that may leave now; receivers side by side, the messages of one in order.

        Returns:
            How many messages were tried.
        """
        by_receiver: dict[str, list[Message]] = defaultdict(list)
        for message in self._outbox.take():
            by_receiver[message.destination].append(message)
        if by_receiver:
            with ThreadPoolExecutor(min(AT_ONCE, len(by_receiver)), "courier") as pool:
                list(pool.map(self._send_all, by_receiver.values()))
        return sum(map(len, by_receiver.values()))

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set, with a thread for each receiver: one that stalls holds up nobody else."""
        names = list(self._senders)
        threads = [threading.Thread(target=self._serve, args=(stop, name), name=f"courier {name}") for name in names]
        for thread in threads:
            thread.start()
        self._serve(stop, None)  # messages to receivers that the configuration does not know any more
        for thread in threads:
            thread.join()

    def _serve(self, stop: threading.Event, name: str | None) -> None:
        """Send to one receiver until `stop` is set; a database that is away is waited for."""
        while not stop.is_set():
            try:
                messages = self._outbox.take(A_TURN, only=name, but=self._senders if name is None else ())
                self._send_all(messages)
            except StorageError as error:
                logger.error("%s", error)
                messages = []
            if not messages:
                stop.wait(IDLE_S)

    def close(self) -> None:
        """Let go of every connection."""
        for sender in self._senders.values():
            sender.close()

    def _send_all(self, messages: list[Message]) -> None:
        for message in messages:
            self._send(message)

    def _send(self, message: Message) -> None:
        sender = self._senders.get(message.destination)
        try:
            if sender is None:
                raise Unreachable(f"receiver {message.destination!r} is not configured")
            sender.send(message)
        except Unreachable as error:
            logger.warning("message %s to %s: %s", message.message_id, message.destination, error)
            self._outbox.put_off(message.message_id, str(error))
        except Refused as error:
            logger.error("message %s to %s: %s", message.message_id, message.destination, error)
            self._outbox.give_up(message.message_id, str(error))
        except Exception as error:  # a defect of one sender must not stop the others
            logger.exception("message %s to %s", message.message_id, message.destination)
            self._outbox.put_off(message.message_id, f"defect of the program: {type(error).__name__}")
        else:
            self._outbox.succeed(message.message_id)
