"""What a case may be based on: versioned data, chosen by officers, never preset by the machine."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from detector.documents import Row, read_versioned
from detector.entities import BEIJING, Case
from detector.errors import ConfigurationError, IllegalTransition

PUBLISHED = Path(__file__).with_name("law.toml")


@dataclass(frozen=True, slots=True)
class Basis:
    """One act under one law.

    Attributes:
        body: authority that acts on it.
        rules: rules whose findings may be it; empty: any.
        code: of the violation; empty where there is none.
        valid_from, valid_to: both included; None: still in force.
    """

    basis_id: str
    version: str
    title: str
    body: str
    rules: tuple[str, ...]
    code: str
    valid_from: date
    valid_to: date | None
    source: str

    def is_valid(self, day: date) -> bool:
        """Whether it was in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Law:
    """A table of bases."""

    version: str
    bases: tuple[Basis, ...]

    def offered(self, rules: Sequence[str], day: date) -> list[Basis]:
        """Bases in force on a day that fit any of the rules, in the table's order."""
        return [b for b in self.bases if b.is_valid(day) and (not b.rules or set(b.rules) & set(rules))]

    def choose(self, basis_id: str, day: date) -> dict[str, Any]:
        """A chosen basis as it is kept with the case.

        Raises:
            IllegalTransition: there is none of that id in force on that day.
        """
        found = next((b for b in self.bases if b.basis_id == basis_id and b.is_valid(day)), None)
        if found is None:
            known = ", ".join(b.basis_id for b in self.bases if b.is_valid(day))
            raise IllegalTransition(f"no basis {basis_id!r} in force on {day}; in force: {known}")
        return {"id": found.basis_id, "version": found.version, "title": found.title, "body": found.body,
                "code": found.code, "source": found.source}  # fmt: skip


def law_day(case: Case, now: datetime) -> date:
    """The day whose law counts, in Beijing: that of the act where it is known, else that of `now` (aware)."""
    return (case.captured_at if case.time.is_absolute else now).astimezone(BEIJING).date()


def load_law(path: Path | None = None) -> Law:
    """The table of a file; None: the one that `ROADWARDEN_LAW` names, else the published one.

    Raises:
        ConfigurationError: the file cannot be read, or an entry is wrong; names it.
    """
    named = os.environ.get("ROADWARDEN_LAW")
    chosen = path or (Path(named) if named else PUBLISHED)
    try:
        version, rows = read_versioned(chosen, "basis")
        return Law(version, tuple(_parse(version, row) for row in rows))
    except ValueError as error:
        raise ConfigurationError(f"law table {chosen}: {error}") from error


def _parse(version: str, row: Row) -> Basis:
    return Basis(
        row.text("id"), version, row.text("title"), row.text("body"), row.texts("rules"), row.text("code"),
        row.day("valid_from"), row.day_or_none("valid_to"), row.text("source"),
    )  # fmt: skip
