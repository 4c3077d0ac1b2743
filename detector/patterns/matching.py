"""Looks at plates against the watch list, in memory.

A look is a plate text with "-" for what it is not sure of. It agrees with a listed plate if every sure character is the
same and at most one is unsure; a sure character, or a sure colour of the plate, that differs is a contradiction. The
type of the vehicle decides nothing, because detectors take vans for cars; the hit says whether it agrees. A pass is a
hit with two agreeing looks that outnumber the contradicting ones; where two listed plates fit alike, nobody is accused
until a look tells them apart.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from detector.entities import WatchEntry, WatchStatus

UNSURE = "-"
MIN_LOOKS = 2
MAX_PASSES = 4096
"""Passes remembered at once; the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of one vehicle.

    Attributes:
        plate_seen: as read, "-" for every character that is not sure.
        seen_at: capture time, aware.
        plate_colour, vehicle_type: as in `WatchRequest`; None when not sure.
    """

    pass_id: str
    camera_id: str
    plate_seen: str
    seen_at: datetime
    plate_colour: str | None = None
    vehicle_type: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A listed plate, seen: the entry, the deciding look, and how many looks agree."""

    entry: WatchEntry
    look: Look
    looks: int

    @property
    def colour_agrees(self) -> bool | None:
        """Whether the plate has the colour of the entry; None when either does not say."""
        return _agrees(self.entry.plate_colour, self.look.plate_colour)

    @property
    def vehicle_agrees(self) -> bool | None:
        """Whether the vehicle is of the type of the entry; None when either does not say."""
        return _agrees(self.entry.vehicle_type, self.look.vehicle_type)


@dataclass(slots=True)
class _Pass:
    """What was seen of one vehicle so far."""

    looks: int = 0
    agreeing: Counter[str] = field(default_factory=Counter)
    exact: set[str] = field(default_factory=set)
    hit: set[str] = field(default_factory=set)


class WatchMatcher:
    """Holds the active entries, and counts looks by pass. Not for several threads at once."""

    def __init__(
        self,
        load: Callable[[datetime], Sequence[WatchEntry]],
        clock: Callable[[], datetime],
        refresh: timedelta = timedelta(seconds=5),
    ) -> None:
        """Start without entries.

        Args:
            load: gives the active entries at an instant, for instance `WatchList.active`.
            clock: gives the present, aware.
            refresh: how old the entries in memory may be; before a hit is told they are loaded again in any case.
        """
        self._load = load
        self._clock = clock
        self._refresh = refresh
        self._loaded_at: datetime | None = None
        self._entries: dict[str, WatchEntry] = {}
        self._by_text: dict[str, set[str]] = {}
        self._passes: OrderedDict[str, _Pass] = OrderedDict()

    def take(self, look: Look) -> Hit | None:
        """Count one look.

        Returns:
            The hit that this look decides; None for every other look, also for later ones of the same pass.
        """
        now = self._clock()
        if self._loaded_at is None or not timedelta(0) <= now - self._loaded_at < self._refresh:
            self._reload(now)
        if look.plate_seen.count(UNSURE) > 1 or not self._by_text:
            return None
        seen = self._remember(look.pass_id)
        seen.looks += 1
        for entry_id in self._by_text.get(look.plate_seen, ()):
            if _agrees(self._entries[entry_id].plate_colour, look.plate_colour) is False:
                continue
            seen.agreeing[entry_id] += 1
            if UNSURE not in look.plate_seen:
                seen.exact.add(entry_id)
        decided = self._decide(seen)
        if decided is None:
            return None
        self._reload(now)  # revoked a second ago is revoked
        entry = self._entries.get(decided)
        if entry is None or entry.status(now) is not WatchStatus.ACTIVE or look.seen_at >= entry.expires_at:
            return None
        seen.hit.add(decided)
        return Hit(entry, look, seen.agreeing[decided])

    def take_back(self, hit: Hit) -> None:
        """The hit could not be told: the next agreeing look of the pass decides again."""
        seen = self._passes.get(hit.look.pass_id)
        if seen is not None:
            seen.hit.discard(hit.entry.entry_id)

    def forget(self, pass_id: str) -> None:
        """The pass has ended."""
        self._passes.pop(pass_id, None)

    def _decide(self, seen: _Pass) -> str | None:
        """The one entry that enough looks agree with; None when there is none, or several fit alike."""
        enough = {
            entry_id: count
            for entry_id, count in seen.agreeing.items()
            if count >= MIN_LOOKS and count > seen.looks - count and entry_id not in seen.hit
        }
        if not enough or seen.hit:
            return None
        most = max(enough.values())
        best = [entry_id for entry_id, count in enough.items() if count == most]
        if len(best) > 1:
            plates = {self._entries[e].plate_text for e in best if e in self._entries}
            best = [e for e in best if e in seen.exact] if len(plates) > 1 else best
        return min(best) if best else None

    def _remember(self, pass_id: str) -> _Pass:
        seen = self._passes.setdefault(pass_id, _Pass())
        self._passes.move_to_end(pass_id)
        while len(self._passes) > MAX_PASSES:
            self._passes.popitem(last=False)
        return seen

    def _reload(self, now: datetime) -> None:
        """Take the entries anew, and index each under its text and under its text with any one character unsure."""
        self._entries = {entry.entry_id: entry for entry in self._load(now)}
        self._by_text = {}
        for entry in self._entries.values():
            text = entry.plate_text
            for form in (text, *(text[:i] + UNSURE + text[i + 1 :] for i in range(len(text)))):
                self._by_text.setdefault(form, set()).add(entry.entry_id)
        self._loaded_at = now


def _agrees(listed: str | None, seen: str | None) -> bool | None:
    return None if listed is None or seen is None else listed == seen
