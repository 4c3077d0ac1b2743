import json
from datetime import timedelta

import pytest

from detector.errors import KeyDestroyed, StorageError
from detector.sightings.keys import HASH, SEAL, Keyring
from tests.sighting_files import at


@pytest.fixture
def keys(tmp_path):
    return Keyring(tmp_path / "keys", 30)


def test_a_key_is_made_once_and_read_by_its_owner_alone(keys, tmp_path):
    """Two keyrings on one folder agree; files have 0600, their folder 0700."""
    key = keys.get(HASH, 686)
    assert Keyring(tmp_path / "keys", 30).get(HASH, 686) == key
    assert keys.get(HASH, 687) != key != keys.get(SEAL, 686)
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "keys").glob("*.key")} == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_no_key_shows_in_a_repr(keys):
    assert keys.get(HASH, 686).hex() not in repr(keys) + repr(vars(keys).keys())


def test_a_key_that_others_can_read_is_refused(keys, tmp_path):
    """The line says which file, and the command that mends it."""
    keys.get(HASH, 686)
    (tmp_path / "keys" / "hash-686.key").chmod(0o644)
    with pytest.raises(StorageError, match=r"chmod 600 .*hash-686\.key"):
        Keyring(tmp_path / "keys", 30).get(HASH, 686)


def test_a_destroyed_key_never_comes_back(keys, tmp_path):
    """Destroying removes the file, and no new key takes the place of the old one."""
    keys.get(HASH, 685), keys.get(HASH, 686)
    assert keys.destroy_before(HASH, 686) == 1
    assert not (tmp_path / "keys" / "hash-685.key").exists()
    for ring in (keys, Keyring(tmp_path / "keys", 30)):
        with pytest.raises(KeyDestroyed, match="has been destroyed"):
            ring.get(HASH, 685)
        ring.get(HASH, 686)
    assert keys.destroy_before(HASH, 680) == 0
    assert json.loads((tmp_path / "keys" / "destroyed.json").read_text())[HASH] == 686


@pytest.mark.parametrize("content", ["", "zz", "ab" * 8])
def test_a_damaged_key_is_named(keys, tmp_path, content):
    keys.get(SEAL, 686)
    path = tmp_path / "keys" / "seal-686.key"
    path.write_text(content)
    with pytest.raises(StorageError, match=r"seal-686\.key"):
        Keyring(tmp_path / "keys", 30).get(SEAL, 686)


def test_windows_follow_one_another_without_gap(keys):
    assert keys.window_of(at(0, 0)) == 686 == keys.window_of(at(30, 0) - timedelta(microseconds=1))
    assert keys.window_of(at(30, 0)) == 687
    assert keys.start_of(687) == at(30, 0)
