"""Keys of sightings: one pair a window, in files of 0600 outside the store, destroyed when their window has passed.

Time is cut into windows of equal length. Window k has a hash key and a seal key. A sighting in window k is hashed
under key k and under key k + 1, so that a sliding window, which touches at most two of them, joins under the newer
one: keys overlap by one window. When window k begins, key k - 1 is destroyed and the hashes made with it are removed,
so nothing older can be joined with anything newer. A seal key is destroyed once every sighting of its window has
reached the end of its lifetime: what a backup still holds can then not be opened.
"""

import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from detector.errors import KeyDestroyed, StorageError

KEY_BYTES = 32
HASH, SEAL = "hash", "seal"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Keyring:
    """The keys of one store; its `repr` shows no key. Safe to use from several processes."""

    def __init__(self, folder: Path, window_days: int) -> None:
        """Use a folder, made with rights 0700 when the first key is needed.

        Args:
            folder: outside the store of sightings.
            window_days: length of a key's window; must stay the same for the life of a store.
        """
        self._folder = folder
        self.window_days = window_days
        self._cache: dict[tuple[str, int], bytes] = {}

    def window_of(self, at: datetime) -> int:
        """Number of the window that an instant lies in."""
        return (at - EPOCH).days // self.window_days

    def start_of(self, window: int) -> datetime:
        """First instant of a window, UTC."""
        return EPOCH + timedelta(days=window * self.window_days)

    def oldest(self, purpose: str) -> int:
        """The oldest window whose key of a purpose may still exist; earlier ones have been destroyed for good."""
        try:
            return int(json.loads((self._folder / "destroyed.json").read_text(encoding="utf-8")).get(purpose, 0))
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, AttributeError) as error:
            raise StorageError(
                f"keys of sightings: {self._folder / 'destroyed.json'} cannot be read: {error}"
            ) from error

    def get(self, purpose: str, window: int) -> bytes:
        """A key, made now if its window has none yet.

        Raises:
            KeyDestroyed: the key has been destroyed.
            StorageError: the key can be read by others, or cannot be read or written.
        """
        if (purpose, window) in self._cache:
            return self._cache[purpose, window]
        if window < self.oldest(purpose):
            raise KeyDestroyed(
                f"keys of sightings: the {purpose} key of the window from {self.start_of(window):%Y-%m-%d} has been "
                f"destroyed; nothing can be joined or opened there any more"
            )
        path = self._path(purpose, window)
        try:
            if not path.exists():
                self._make(path)
            if path.stat().st_mode & 0o077:
                raise StorageError(f"key {path} can be read by others; run chmod 600 {path}")
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise StorageError(f"key {path} cannot be read or written: {_reason(error)}") from error
        if len(key) != KEY_BYTES:
            raise StorageError(f"key {path} is damaged; restore it from a backup")
        self._cache[purpose, window] = key
        return key

    def destroy_before(self, purpose: str, window: int) -> int:
        """Destroy every key of a purpose before a window, for good.

        Returns:
            How many key files were destroyed.
        """
        if window <= self.oldest(purpose):
            return 0
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            state = {HASH: self.oldest(HASH), SEAL: self.oldest(SEAL), purpose: window}
            temporary = self._folder / f"destroyed.{os.getpid()}.tmp"
            temporary.write_text(json.dumps(state), encoding="utf-8")
            temporary.replace(self._folder / "destroyed.json")
            destroyed = 0
            for path in self._folder.glob(f"{purpose}-*.key"):
                if int(path.stem.removeprefix(f"{purpose}-")) < window:
                    path.write_bytes(secrets.token_bytes(2 * KEY_BYTES))
                    path.unlink()
                    destroyed += 1
        except (OSError, ValueError) as error:
            raise StorageError(f"keys of sightings in {self._folder} cannot be destroyed: {_reason(error)}") from error
        self._cache = {key: value for key, value in self._cache.items() if key[0] != purpose or key[1] >= window}
        return destroyed

    def _path(self, purpose: str, window: int) -> Path:
        return self._folder / f"{purpose}-{window}.key"

    def _make(self, path: Path) -> None:
        """Write a new key; of two processes that do so at once, both use the one that was first."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
