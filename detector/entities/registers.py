"""Who holds which licence, permit or exemption: imported lists, each row valid between two days."""

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum


class RegisterKind(StrEnum):
    """The registers that the product understands; each is optional."""

    LICENSED = "licensed"
    PERMITS = "permits"
    EXEMPTIONS = "exemptions"


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """One row of a register.

    Attributes:
        category: what kind of licence, permit or exemption, in the words of the register.
        company: holder; "" when the register does not say.
        valid_from, valid_to: first and last valid day (Beijing).
        hours: permits: times of day between which driving is allowed, (from, to), over midnight where to < from;
            empty for no restriction.
        routes: permits: ids of cameras that the approved routes pass; empty for no restriction.
        sites: permits: ids or names of loading and dump sites, for officers.
    """

    plate_text: str
    category: str
    company: str
    valid_from: date
    valid_to: date
    hours: tuple[tuple[time, time], ...] = ()
    routes: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()

    def is_valid_on(self, day: date) -> bool:
        """Whether the entry holds on a day (Beijing)."""
        return self.valid_from <= day <= self.valid_to


@dataclass(frozen=True, slots=True)
class RegisterVersion:
    """One import of a register; the newest of a kind is in force.

    Attributes:
        source: where the list comes from, in words.
        rows: entries in it.
        sha256: of the imported file.
    """

    version: int
    kind: RegisterKind
    source: str
    imported_by: str
    imported_at: datetime
    rows: int
    sha256: str
