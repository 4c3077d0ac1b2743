"""Here the migrations run as they do for a user."""

import pytest

from detector.database import engine as database_engine
from detector.database.migrate import upgrade


@pytest.fixture(autouse=True)
def true_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the short cut of `ready_tables` back."""
    monkeypatch.setattr(database_engine, "upgrade", upgrade)
