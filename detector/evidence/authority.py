"""Which laws allow which bodies to prove which acts by cameras: versioned data; a camera names its row."""

import os
from pathlib import Path

from detector.documents import Row, read_versioned
from detector.entities import Authority
from detector.errors import ConfigurationError

PUBLISHED = Path(__file__).with_name("authority.toml")


def load_authorities(path: Path | None = None) -> dict[str, Authority]:
    """The table of a file by id; None: the one that `ROADWARDEN_AUTHORITY` names, else the published one.

    Raises:
        ConfigurationError: the file cannot be read, or a value in it is wrong.
    """
    named = os.environ.get("ROADWARDEN_AUTHORITY")
    chosen = path or (Path(named) if named else PUBLISHED)
    try:
        version, rows = read_versioned(chosen, "authority")
        found = [_parse(version, row) for row in rows]
    except ValueError as error:
        raise ConfigurationError(f"authority table {chosen}: {error}") from error
    return {row.authority_id: row for row in found}


def _parse(version: str, row: Row) -> Authority:
    return Authority(
        row.text("id"), version, row.text("title"), row.text("level"), row.text("body"), row.texts("rules"),
        row.day("valid_from"), row.day_or_none("valid_to"), row.text("source"),
    )  # fmt: skip
