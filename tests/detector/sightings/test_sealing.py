import duckdb
import pytest

from detector.errors import StorageError
from detector.sightings.sealing import SQL_HASH, hash_plate, make_seal, open_seal, pad_key

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


@pytest.mark.parametrize("plate", ["渝A12345", "川AD12345", "WJ渝1234X", ""])
def test_the_hash_of_sql_is_the_hash_of_python(plate):
    """HMAC-SHA-256 by the standard library and by DuckDB give the same number."""
    inner, outer = pad_key(KEY)
    query = SQL_HASH.format(outer="$outer::BLOB", inner="$inner::BLOB", plate="$plate")
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {query}", {"inner": inner, "outer": outer, "plate": plate}).fetchone()
    assert found[0] == hash_plate(plate, KEY) != hash_plate(plate, OTHER)


def test_a_sealed_plate_opens_with_its_own_key_and_window_alone():
    """Sealing twice looks different; another key, another window or an altered byte opens nothing."""
    seal = make_seal(KEY, 686)
    first, second = seal("渝A12345"), seal("渝A12345")
    assert first != second
    assert "渝A12345".encode() not in first
    assert open_seal(first, KEY, 686) == open_seal(second, KEY, 686) == "渝A12345"
    for sealed, key, window in (
        (first, OTHER, 686),
        (first, KEY, 687),
        (first[:-1] + bytes([first[-1] ^ 1]), KEY, 686),
        (b"", KEY, 686),
    ):
        with pytest.raises(StorageError, match="cannot be opened"):
            open_seal(sealed, key, window)
