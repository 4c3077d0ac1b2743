"""The door of senders."""

from typing import Protocol

from detector.entities import Message
from detector.errors import RoadwardenError


class Unreachable(RoadwardenError):
    """The receiver did not take the message now; later it may."""


class Refused(RoadwardenError):
    """The receiver will never take the message as it is."""


class Sender(Protocol):
    """Hands messages to one receiver."""

    def send(self, message: Message) -> None:
        """Hand over one message; returns when the receiver has it.

        Raises:
            Unreachable: not now.
            Refused: never.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
