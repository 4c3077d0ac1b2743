import re
from datetime import timedelta
from pathlib import Path

import pytest

from detector.database.engine import open_database
from detector.entities import Opening, Sighting
from detector.errors import StorageError
from detector.sightings.keys import HASH, SEAL, Keyring
from detector.sightings.purging import purge
from detector.sightings.store import SightingStore, StoreSettings
from tests.sighting_files import at, make_importer, open_store, row, write_csv

PLATE = "渝A12345"
ASKED = Opening("zhang", "lead RL-1", "test")


@pytest.fixture
def opened(tmp_path):
    return open_store(tmp_path)


def fill(store, tmp_path, days, plate=PLATE):
    return make_importer(store).run(write_csv(tmp_path / "fill.csv", [row(plate, "in", at(day)) for day in days]))


def keys_in(store, window_from, window_to):
    with store.window(window_from, window_to) as connection:
        return [r[0] for r in connection.execute("SELECT plate_key FROM sightings ORDER BY seen_at").fetchall()]


def bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


class TestPrivacy:
    def test_no_plate_is_on_disk_in_clear(self, opened, tmp_path):
        """Neither day files nor database hold the plate, imported or seen live."""
        store, engine = opened
        fill(store, tmp_path, [3])
        store.add([Sighting(PLATE, "out", at(3, 13))])
        engine.dispose()
        (tmp_path / "fill.csv").unlink()
        found = bytes_below(tmp_path)
        assert b"in" in found
        assert PLATE.encode() not in found
        assert b"A12345" not in found

    def test_a_window_over_two_keys_is_joined(self, opened, tmp_path):
        """The hashes of one plate agree within any 30 days, also over the change of keys."""
        store, _ = opened
        fill(store, tmp_path, [20, 29, 31, 45])
        assert len(set(keys_in(store, at(16, 0), at(46, 0)))) == 1
        assert len(keys_in(store, at(16, 0), at(46, 0))) == 4

    def test_live_and_imported_sightings_are_joined(self, opened, tmp_path):
        store, _ = opened
        fill(store, tmp_path, [3])
        assert store.add([Sighting(PLATE, "out", at(4))]) == 1
        assert len(set(keys_in(store, at(0, 0), at(30, 0)))) == 1

    def test_after_rotation_nothing_joins_two_windows_apart(self, tmp_path):
        """When window k begins, no row of k - 2 has a hash in common with any later row, not even over a third one."""
        store, engine = open_store(tmp_path, lifetime_days=90)
        fill(store, tmp_path, [20, 45])
        before = raw_hashes(store)
        assert before[20][1] == before[45][0]
        purge(store, engine, at(61))
        fill(store, tmp_path, [75])
        after = raw_hashes(store)
        assert after[45][1] == after[75][0], "neighbouring windows are joined"
        assert after[45][0] is None
        assert after[20] == (None, before[20][1])
        assert after[20][1] not in {*after[45], *after[75]}
        with pytest.raises(StorageError, match="destroyed"), store.window(at(0, 0), at(30, 0)):
            pass

    def test_a_longer_window_than_the_keys_is_refused(self, opened):
        with pytest.raises(StorageError, match="more than 30 days"), opened[0].window(at(0, 0), at(31, 0)):
            pass

    def test_opening_is_logged_first_with_person_reason_and_time(self, opened, tmp_path):
        """The plate comes back, and the log says who asked why."""
        store, _ = opened
        fill(store, tmp_path, [3])
        with store.window(at(0, 0), at(30, 0)) as connection:
            key = connection.execute("SELECT plate_key FROM sightings").fetchone()[0]
            assert store.open_plates(connection, [key], ASKED) == {key: PLATE}
        (entry,) = store.openings()
        assert (entry["person"], entry["reason"], entry["plates"]) == ("zhang", "lead RL-1", 1)

    @pytest.mark.parametrize("opening", [Opening("", "why", "s"), Opening("who", " ", "s")])
    def test_nobody_opens_without_name_and_reason(self, opened, tmp_path, opening):
        store, _ = opened
        fill(store, tmp_path, [3])
        with (
            store.window(at(0, 0), at(30, 0)) as connection,
            pytest.raises(StorageError, match="named person"),
        ):
            store.open_plates(connection, [1], opening)
        assert store.openings() == []


def raw_hashes(store):
    """Day → the two hashes that stand in its file."""
    with store.session() as connection:
        rows = connection.execute(
            "SELECT seen_at, key_now, key_next FROM read_parquet(?)", [[str(p) for p in store.day_files()]]
        ).fetchall()
    return {(r[0] - at(0, 0).replace(tzinfo=None)).days: (r[1], r[2]) for r in rows}


class TestPurging:
    def test_what_is_past_its_lifetime_is_gone_from_the_disk(self, opened, tmp_path):
        """Rows, files and folders: the older ones are deleted, to the second, the younger ones stay."""
        store, engine = opened
        fill(store, tmp_path, [0, 1, 2, 10])
        report = purge(store, engine, at(32, 11))
        assert (report.deleted_rows, report.kept_rows) == (2, 2)
        report = purge(store, engine, at(32, 13))
        assert (report.deleted_rows, report.kept_rows) == (1, 1)
        assert [p.parent.name for p in store.day_files()] == [f"day={at(10).date()}"]
        assert len(list(store.settings.folder.glob("day=*"))) == 1

    def test_the_inbox_is_purged_too(self, opened):
        store, engine = opened
        store.add([Sighting(PLATE, "in", at(1)), Sighting(PLATE, "in", at(20))])
        assert purge(store, engine, at(32)).deleted_rows == 1
        assert sum(store.count_by_day().values()) == 1

    def test_a_backup_of_purged_files_can_not_be_opened(self, opened, tmp_path):
        """The seal key of a window goes with its last sighting: copies of the files are of no use."""
        store, engine = opened
        fill(store, tmp_path, [3])
        store.keys.get(SEAL, 686)
        purge(store, engine, at(61))
        assert not (tmp_path / "keys" / "seal-686.key").exists()
        with pytest.raises(StorageError, match="destroyed"):
            store.keys.get(SEAL, 686)

    def test_purging_twice_changes_nothing_and_compacts(self, opened, tmp_path):
        """Many imports of a day become one file, with every row once."""
        store, engine = opened
        for hour in range(4):
            make_importer(store).run(write_csv(tmp_path / "a.csv", [row(PLATE, "in", at(3, hour))]))
        assert len(store.day_files()) == 4
        purge(store, engine, at(4))
        files = store.day_files()
        assert len(files) == 1
        assert purge(store, engine, at(4)).deleted_rows == 0
        assert store.day_files() == files
        assert sum(store.count_by_day().values()) == 4

    def test_late_records_of_a_rotated_window_still_join_the_next_one(self, opened, tmp_path):
        """A checkpoint that reports a week late is joined with today, though the old key is gone."""
        store, engine = opened
        fill(store, tmp_path, [40])
        purge(store, engine, at(40))
        assert fill(store, tmp_path, [25]).kept == 1
        store.add([Sighting(PLATE, "out", at(26))])
        assert len(set(keys_in(store, at(16, 0), at(46, 0)))) == 1
        report = make_importer(store).run(write_csv(tmp_path / "a.csv", [row(PLATE, "in", at(-5))]))
        assert re.search("keys are destroyed", report.bad_rows[0].reason)

    def test_any_folder_will_do(self, tmp_path):
        """A quotation mark in its name ends no statement: import, search, purge and compaction find their files."""
        folder = tmp_path / "o'neil \\ 渝"
        folder.mkdir()
        store, engine = open_store(folder)
        for hour in range(2):
            make_importer(store).run(write_csv(tmp_path / "a.csv", [row(PLATE, "in", at(3, hour))]))
        assert purge(store, engine, at(4)).kept_rows == 2
        assert len(store.day_files()) == 1
        assert len(keys_in(store, at(0, 0), at(30, 0))) == 2


class TestInbox:
    def test_the_same_sighting_is_stored_once(self, opened):
        """Replaying a clip again, before or after collection, adds nothing."""
        store, _ = opened
        sighting = Sighting(PLATE, "in", at(3), pass_id="p", uncertainty_ms=200.0)
        assert (store.add([sighting]), store.add([sighting])) == (1, 0)
        assert store.count_by_day() == {at(3).date(): 1}
        store.add([sighting])
        assert store.count_by_day() == {at(3).date(): 1}

    @pytest.mark.long
    def test_the_inbox_works_on_postgresql_too(self, postgresql_url, tmp_path):
        """The same statement in the other dialect: once is once, and collecting empties it."""
        engine = open_database(postgresql_url)
        store = SightingStore(StoreSettings(tmp_path / "sightings"), engine, Keyring(tmp_path / "keys", 30))
        sighting = Sighting(PLATE, "in", at(3))
        assert (store.add([sighting]), store.add([sighting])) == (1, 0)
        assert (store.collect(), store.collect()) == (1, 0)
        assert store.count_by_day() == {at(3).date(): 1}
        engine.dispose()

    def test_every_field_reaches_the_day_file(self, opened):
        store, _ = opened
        store.add([Sighting(PLATE, "in", at(3), "ordinary", "blue", "car", "入城", 250.0, 0.5, "p1", "RW-1")])
        with store.window(at(0, 0), at(30, 0)) as connection:
            found = connection.execute(
                "SELECT camera_id, plate_type, plate_colour, vehicle_type, direction, uncertainty_ms, confidence, "
                "pass_id, picture, is_local FROM sightings"
            ).fetchone()
        assert found == ("in", "ordinary", "blue", "car", "入城", 250.0, 0.5, "p1", "RW-1", True)

    def test_an_empty_store_has_no_sightings(self, opened):
        store, _ = opened
        assert store.newest() is None
        assert keys_in(store, at(0, 0), at(30, 0)) == []
        assert store.keys.oldest(HASH) == 0

    def test_the_newest_is_found_over_inbox_and_files(self, opened, tmp_path):
        store, _ = opened
        fill(store, tmp_path, [3])
        store.add([Sighting(PLATE, "in", at(3, 12) + timedelta(seconds=5))])
        assert store.newest() == at(3, 12) + timedelta(seconds=5)

    def test_a_sighting_of_years_to_come_is_not_the_newest(self, opened):
        """One camera whose clock is wrong does not move everybody's window to where nothing else is."""
        store, _ = opened
        store.add([Sighting(PLATE, "in", at(3)), Sighting(PLATE, "in", at(36 * 365))])
        assert store.newest() == at(3)
