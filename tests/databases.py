"""Kinds of databases for tests of what both must do alike."""

import pytest

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)]
"""The embedded one always; a server, which must be started and waits for its disk, with `make test-long`."""
