"""Everything that can go wrong and is worth one clear line to the person who runs the program.

    RoadwardenError
    ├── ConfigurationError    cameras.toml or a command-line value is wrong (names file, camera, key)
    ├── SourceError           footage cannot be opened or holds no video (names the file)
    ├── ModelError            weights missing, altered, or not usable on this machine (names the file)
    ├── StorageError          database or folder cannot be written, disk full (names the place)
    │   ├── UnknownCase           there is no such case
    │   ├── KeyDestroyed          the key of sightings of that time is destroyed, for good (names the time)
    │   └── Overtaken             what somebody acts on is not there, or not as it was (names it)
    ├── EvidenceError         a package is damaged or cannot be made (names the file in it)
    │   └── AlteredEvidence       it is there, and not what was sealed (names the file)
    ├── LeaseLost             another worker of the fleet watches the camera now (names it)
    ├── AccessDenied          a person who is not let in, or may not do that
    └── LifeCycleError        a step that a case cannot take now (names the case)
        ├── IllegalTransition     the state, the person or what was given does not allow it
        └── Conflict              somebody else was faster (names who and when)

Anything else that reaches the top is a defect of the program and keeps its traceback.
"""


class RoadwardenError(Exception):
    """Base of all errors that are shown as one line, without a traceback."""

    def __str__(self) -> str:
        """The message on one line, whatever line ends the keys and texts that it quotes bring with them."""
        return " ".join(super().__str__().splitlines())


class ConfigurationError(RoadwardenError):
    """A configuration file or command-line value is wrong; the message names file, camera and key."""


class SourceError(RoadwardenError):
    """Footage cannot be opened, or holds no video stream; the message names the file."""


class ModelError(RoadwardenError):
    """A weight file is missing, altered, or cannot run here; the message names the file."""


class StorageError(RoadwardenError):
    """A database or folder cannot be written, or the disk is full; the message names the place."""


class UnknownCase(StorageError):
    """There is no such case in the database; the message names it."""


class KeyDestroyed(StorageError):
    """The key of sightings of some time has been destroyed, for good; the message names the time."""


class Overtaken(StorageError):
    """A lead, entry or interception that somebody acts on is gone, taken or closed; the message names it."""


class EvidenceError(RoadwardenError):
    """An evidence package is damaged or cannot be made; the message names the file in it."""


class AlteredEvidence(EvidenceError):
    """A file of a package is not what was sealed; the message names it."""


class LeaseLost(RoadwardenError):
    """This worker is no longer the one that may make cases of a camera; the message names the camera."""


class AccessDenied(RoadwardenError):
    """A person who is not let in, or may not do that; the message tells no secret."""


class LifeCycleError(RoadwardenError):
    """A step that a case cannot take now; the message names the case.

    Attributes:
        because: short name of the cause, for programs that tell it in their reader's language; None for none.
        values: what such a sentence names.
    """

    def __init__(self, message: str, because: str | None = None, **values: str) -> None:
        """Say it in one English line, and in parts."""
        super().__init__(message)
        self.because = because
        self.values = values


class IllegalTransition(LifeCycleError):
    """The state of the case, the person's roles, or what was given does not allow the step."""


class Conflict(LifeCycleError):
    """Somebody else acted first; the message says who and when."""
