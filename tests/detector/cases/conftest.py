"""What tests of cases share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from detector.database.engine import open_database
from tests.databases import DATABASES


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A fresh database of each kind."""
    is_sqlite = request.param == "sqlite"
    engine = open_database(
        f"sqlite:///{tmp_path / 'cases.db'}" if is_sqlite else request.getfixturevalue("postgresql_url")
    )
    yield engine
    engine.dispose()
