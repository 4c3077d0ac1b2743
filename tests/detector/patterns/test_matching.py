from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from detector.database.engine import open_database
from detector.database.sessions import write_session
from detector.database.tables import WatchEntryRow
from detector.entities import InterceptionOutcome, LaterSighting, Road, WatchEntry
from detector.errors import StorageError
from detector.patterns.interceptions import OPEN_FOR, InterceptionStore
from detector.patterns.matching import Hit, Look, WatchMatcher
from detector.patterns.roads import RoadGraph

NOW = datetime(2026, 5, 18, 4, 0, tzinfo=UTC)
ENTRY = WatchEntry("WL-1", "渝A12345", "r", "li", NOW, NOW + timedelta(days=1), "wang", NOW)


class Desk:
    """A watch list and a clock that tests turn."""

    def __init__(self, *entries):
        self.entries, self.now = list(entries), NOW
        self.matcher = WatchMatcher(lambda _: self.entries, lambda: self.now)

    def see(self, *texts, pass_id="p"):
        return [self.matcher.take(Look(pass_id, "gate", text, self.now)) for text in texts]

    def hits(self, *texts, pass_id="p"):
        return [hit.entry.entry_id for hit in self.see(*texts, pass_id=pass_id) if hit]


@pytest.mark.parametrize(
    ("looks", "deciding"),
    [
        (("渝A12345", "渝A12345"), 1),
        (("渝A12345",), None),
        (("渝A1234-", "渝A123-5"), 1),
        (("-A12345", "渝A12345", "渝A12345"), 1),
        (("渝A1234-", "渝A12--5"), None),
        (("渝A1234-", "渝A1234D"), None),
        (("渝A12346", "渝A12346"), None),
        (("渝A12345", "渝A12346", "渝A12345"), 2),
        (("渝A12345", "渝A12346", "渝A12346", "渝A12345"), None),
        (("渝A123456", "渝A123456"), None),
        (("", "-------"), None),
    ],
)
def test_two_agreeing_looks_one_unsure_character_never_a_sure_one(looks, deciding):
    """A hit at the look that decides, once; contradictions must be outnumbered."""
    found = Desk(ENTRY).see(*looks)
    assert [i for i, hit in enumerate(found) if hit] == ([] if deciding is None else [deciding])


def test_a_pass_is_told_once_and_another_pass_again():
    desk = Desk(ENTRY)
    assert desk.hits("渝A12345", "渝A12345", "渝A12345", "渝A12345") == ["WL-1"]
    assert desk.hits("渝A12345", "渝A12345", pass_id="q") == ["WL-1"]


def test_looks_of_two_vehicles_are_not_added_up():
    desk = Desk(ENTRY)
    assert desk.hits("渝A12345") + desk.hits("渝A12345", pass_id="q") == []


def test_the_end_of_a_pass_is_the_end_of_its_looks():
    desk = Desk(ENTRY)
    assert desk.hits("渝A12345") == []
    desk.matcher.forget("p")
    assert desk.hits("渝A12345") == []


def test_two_listed_plates_that_fit_alike_wait_for_a_look_that_tells():
    """渝A1234- may be either: nobody is stopped until one is read in full."""
    desk = Desk(ENTRY, replace(ENTRY, entry_id="WL-2", plate_text="渝A12346"))
    assert desk.hits("渝A1234-", "渝A1234-", "渝A1234-") == []
    assert desk.hits("渝A12346") == ["WL-2"]


def test_expired_revoked_and_unapproved_entries_never_match():
    """Whatever the list hands over; and one revoked between the first look and the deciding one does not match."""
    for entry in (
        replace(ENTRY, expires_at=NOW),
        replace(ENTRY, revoked_at=NOW, revoked_by="li"),
        replace(ENTRY, approver=None, approved_at=None),
    ):
        assert Desk(entry).hits("渝A12345", "渝A12345") == []
    desk = Desk(ENTRY)
    assert desk.hits("渝A12345") == []
    desk.entries = []
    assert desk.hits("渝A12345") == []


def test_a_new_entry_is_in_force_after_the_refresh():
    desk = Desk()
    assert desk.hits("渝A12345", "渝A12345") == []
    desk.entries = [ENTRY]
    desk.now += timedelta(seconds=5)
    assert desk.hits("渝A12345", "渝A12345", pass_id="q") == ["WL-1"]


def put_entry(engine):
    with write_session(engine) as session:
        session.add(WatchEntryRow(**{name: getattr(ENTRY, name) for name in ENTRY.__dataclass_fields__}))


class TestInterceptions:
    @pytest.fixture
    def store(self, tmp_path):
        engine = open_database(f"sqlite:///{tmp_path / 'i.db'}")
        put_entry(engine)
        graph = RoadGraph([Road("gate", "kerb", 900, 60, 180), Road("gate", "lot", 300), Road("kerb", "exit", 500)])
        return InterceptionStore(engine, graph)

    def hit(self, camera="gate", seen_at=NOW, pass_id="p"):
        return Hit(ENTRY, Look(pass_id, camera, "渝A1234-", seen_at), 2)

    def test_a_hit_opens_one_interception_with_the_next_likely_cameras(self, store):
        """Soonest first, between the bounds of the road; the same hit again changes nothing."""
        opened, again = store.open(self.hit(), NOW + timedelta(seconds=1))
        assert again is None
        assert [(n.camera_id, (n.earliest_at - NOW).total_seconds()) for n in opened.next_cameras] == [
            ("lot", pytest.approx(300 / 33)), ("kerb", 60),
        ]  # fmt: skip
        assert (opened.next_cameras[1].latest_at - NOW).total_seconds() == 180
        assert store.open(self.hit(), NOW) == (opened, LaterSighting("gate", NOW))
        assert store.list(10) == [opened]

    def test_later_sightings_follow_the_open_interception(self, store):
        """Seen again within two hours: the same interception, with new next cameras; after an outcome: a new one."""
        first, _ = store.open(self.hit(), NOW)
        later, again = store.open(self.hit("kerb", NOW + timedelta(minutes=2), "q"), NOW)
        assert (again, later.interception_id) == (later.later[-1], first.interception_id)
        assert [item.camera_id for item in later.later] == ["kerb"]
        assert {n.camera_id for n in later.next_cameras} == {"gate", "exit"}
        assert store.open(self.hit("kerb", NOW + timedelta(minutes=2), "q"), NOW)[0] == later
        store.report(first.interception_id, InterceptionOutcome.LAWFUL, "wang")
        assert store.open(self.hit("exit", NOW + timedelta(minutes=9), "r"), NOW)[1] is None

    def test_a_sighting_that_comes_late_is_put_in_its_place(self, store):
        """The next cameras are still those after the last sighting."""
        store.open(self.hit(), NOW)
        last, _ = store.open(self.hit("kerb", NOW + timedelta(minutes=5), "q"), NOW)
        late, again = store.open(self.hit("lot", NOW + timedelta(minutes=3), "r"), NOW)
        assert (again.camera_id, [item.camera_id for item in late.later]) == ("lot", ["lot", "kerb"])
        assert late.next_cameras == last.next_cameras

    @pytest.mark.long
    def test_a_worker_waits_while_another_one_stores_a_hit_of_the_same_entry(self, postgresql_url):
        """Neither overwrites what the other has stored; here the one that waits gives up at once, and comes again."""
        engine = open_database(postgresql_url)
        hasty = open_database(f"{postgresql_url}?options=-c%20lock_timeout%3D1")
        put_entry(engine)
        second = InterceptionStore(hasty, RoadGraph(()))
        two = self.hit("lot", NOW + timedelta(minutes=3), "r")

        def interfere(*_):
            with pytest.raises(StorageError, match="lock timeout"):
                second.open(two, NOW)

        InterceptionStore(engine, RoadGraph(())).open(self.hit(), NOW)
        first = InterceptionStore(engine, RoadGraph(()), [interfere])
        first.open(self.hit("kerb", NOW + timedelta(minutes=2), "q"), NOW)
        found, _ = second.open(two, NOW)
        assert [item.camera_id for item in found.later] == ["kerb", "lot"]
        for each in (engine, hasty):
            each.dispose()

    def test_a_hit_of_an_entry_that_is_gone_is_one_clear_line(self, store):
        """The database refuses it; the watch goes on."""
        gone = Hit(replace(ENTRY, entry_id="WL-gone"), Look("p", "gate", "渝A12345", NOW), 2)
        with pytest.raises(StorageError, match="interception of entry WL-gone cannot be stored"):
            store.open(gone, NOW)

    def test_a_hit_long_after_is_another_interception(self, store):
        store.open(self.hit(), NOW)
        assert store.open(self.hit("gate", NOW + OPEN_FOR, "q"), NOW)[1] is None

    def test_acknowledgement_and_outcome_are_given_once(self, store):
        opened, _ = store.open(self.hit(), NOW)
        assert store.acknowledge(opened.interception_id, "team 3").acknowledged_by == "team 3"
        with pytest.raises(StorageError, match="taken already, by team 3"):
            store.acknowledge(opened.interception_id, "team 4")
        assert (
            store.report(opened.interception_id, InterceptionOutcome.LAWFUL, "team 3").outcome
            == InterceptionOutcome.LAWFUL
        )
        with pytest.raises(StorageError, match="closed already"):
            store.report(opened.interception_id, InterceptionOutcome.LAWFUL, "team 3")
        with pytest.raises(StorageError, match="no interception IN-0"):
            store.acknowledge("IN-0", "team 3")
