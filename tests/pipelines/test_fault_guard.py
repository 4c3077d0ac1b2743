"""A database that does not answer costs one time-out, not one for every vehicle."""

from detector.entities import Camera
from detector.errors import StorageError
from detector.rules import Facts
from pipelines.fault_guard import PAUSE_S, FaultGuard


def test_after_a_refusal_nothing_is_asked_for_a_while() -> None:
    """Facts are empty meanwhile; after the pause the register is asked again."""
    now, asked = [0.0], []

    def find(*arguments: object) -> Facts:
        asked.append(arguments)
        raise StorageError("away")

    guard = FaultGuard(lambda: now[0])
    guarded = guard.facts(find)
    for now[0] in (0.0, 1.0, PAUSE_S - 0.1, PAUSE_S + 0.1):
        assert guarded(None, Camera("gate"), True) == Facts()
    assert len(asked) == guard.faults == 2
