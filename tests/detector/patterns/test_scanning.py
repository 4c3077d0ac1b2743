from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detector.entities import LeadOutcome, Opening, RegisterKind
from detector.errors import ModelError
from detector.observation.plate_grammar import look_alikes
from detector.patterns.features import FEATURES, History, make_features, make_hub_table, read_features
from detector.patterns.scanning import Scan, rank
from detector.patterns.scoring import load_scorer
from detector.registers.store import RegisterStore
from tests.sighting_files import HUB, at, loops, make_importer, open_store, parking, row, write_csv

DRIVER, COMMUTER = "川A12345", "渝B12345"
WINDOW = timedelta(days=30)
NIGHTS = (14.5, 17.0, 20.5)
"""UTC: half past ten, one and half past four at night in Beijing."""


@pytest.fixture
def scan(tmp_path):
    store, engine = open_store(tmp_path)
    return Scan(store, RegisterStore(engine), (HUB,), load_scorer(), History(), look_alikes)


def fill(scan, tmp_path, rows):
    make_importer(scan.store).run(write_csv(tmp_path / "s.csv", rows))


def find(scan, most=100, min_score=0.2):
    return rank(scan, WINDOW, at(30, 0), (most, min_score, Opening("zhang", "test", "test")))


def plates(ranking):
    return [suspect.plate_text for suspect in ranking.suspects]


def register(scan, tmp_path, kind, plate, valid_to="2099-12-31"):
    path = write_csv(tmp_path / "r.csv", [(plate, "taxi", valid_to)], ("plate", "category", "valid_to"))
    scan.registers.import_file(kind, path, lambda _: True, source="test", person="test")


class TestFeatures:
    def measure(self, scan, tmp_path, rows):
        fill(scan, tmp_path, rows)
        with scan.store.window(at(0, 0), at(30, 0)) as connection:
            make_hub_table(connection, scan.hubs)
            scan.store.hash_into(connection, "excluded", {}, at(30, 0))
            make_features(connection, at(0, 0), History(2, 2))
            keys, columns = read_features(connection)
        assert len(keys) == 1
        return {name: float(columns[name][0]) for name in FEATURES}

    def test_kerb_loops_are_counted_by_hand(self, scan, tmp_path):
        """Ten days of three loops each, 22 minutes long, by a plate from elsewhere."""
        found = self.measure(scan, tmp_path, loops(DRIVER, range(1, 11), (1.0, 5.0, 9.0)))
        expected = {"visit_days": 10, "visits": 30, "visits_per_day": 3, "loops": 30, "loops_per_day": 3, "hubs": 1}
        expected |= {"pickup_share": 1, "busy_days": 1, "dwell_median_min": 22, "is_local": 0, "span_days": 10}
        expected |= {"waits_per_day": 0, "through_share": 0, "long_stay_share": 0}
        assert {name: round(found[name], 6) for name in expected} == expected

    def test_a_parked_car_is_one_visit_however_long(self, scan, tmp_path):
        """In at eight and out at six is one visit of almost ten hours, and no two short ones."""
        found = self.measure(scan, tmp_path, parking(COMMUTER, range(1, 11)))
        assert (found["visits"], found["long_stay_share"], found["through_share"], found["is_local"]) == (10, 1, 1, 1)

    @pytest.mark.parametrize(("minutes", "expected"), [(4, 0), (6, 1), (39, 1), (41, 0)])
    def test_a_loop_takes_five_to_forty_minutes(self, scan, tmp_path, minutes, expected):
        rows = [
            row(DRIVER, c, at(d, 9 + m / 60))
            for d in range(5)
            for c, m in (("in", 0), ("dep", 2), ("arr", 2 + minutes))
        ]
        assert self.measure(scan, tmp_path, rows)["loop_share"] == expected

    def test_missed_readings_do_not_split_a_visit(self, scan, tmp_path):
        """Without the entry and the exit it is still one visit and one loop."""
        rows = [r for r in loops(DRIVER, range(5)) if r[1] in ("dep", "arr")]
        found = self.measure(scan, tmp_path, rows)
        assert (found["visits"], found["loops"]) == (15, 15)

    def test_nights_and_weekends_are_those_of_beijing(self, scan, tmp_path):
        found = self.measure(scan, tmp_path, loops(DRIVER, range(1, 15), NIGHTS))
        assert found["night_share"] == 1
        assert 0.2 < found["weekend_share"] < 0.4

    def test_a_city_of_many_hub_cameras_is_measured_like_a_small_one(self, scan, tmp_path):
        """Four pairs of gates in equal parts are two bits, also where cameras are counted in hundreds."""
        entries, exits = ([f"{side}{n}" for n in range(600)] for side in ("in", "out"))
        gates = [(entries[-1], exits[-1]), (entries[-1], exits[-2]), (entries[-2], exits[-1]), (entries[-2], exits[-2])]
        rows = [
            row(DRIVER, camera, at(day, hour))
            for day in range(12)
            for camera, hour in zip(gates[day % 4], (1.0, 1.2), strict=True)
        ]
        scan = replace(scan, hubs=(replace(HUB, entry=tuple(entries), exit=tuple(exits)),))
        assert self.measure(scan, tmp_path, rows)["gate_variety"] == pytest.approx(2)


class TestRanking:
    def test_a_full_time_driver_is_found_and_a_commuter_is_not(self, scan, tmp_path):
        """With sentences to be made of reasons of two signals or more, and the last visits as timeline."""
        fill(scan, tmp_path, loops(DRIVER, range(1, 28), (1.0, 6.0, 12.0, *NIGHTS)) + parking(COMMUTER, range(1, 28)))
        ranking = find(scan)
        assert plates(ranking) == [DRIVER]
        (suspect,) = ranking.suspects
        assert len({reason.signal for reason in suspect.reasons}) >= 2
        assert [r.points for r in suspect.reasons] == sorted((r.points for r in suspect.reasons), reverse=True)
        assert suspect.timeline[-1].note == "loop 22"
        assert ranking.scored == 2

    def test_only_what_is_listed_is_opened(self, scan, tmp_path):
        """The commuter is scored by its hash; its plate stays sealed."""
        fill(scan, tmp_path, loops(DRIVER, range(1, 28), NIGHTS) + parking(COMMUTER, range(1, 28)))
        find(scan)
        assert [entry["plates"] for entry in scan.store.openings()] == [1]

    @pytest.mark.parametrize("kind", [RegisterKind.LICENSED, RegisterKind.EXEMPTIONS])
    def test_exclusions_come_first(self, scan, tmp_path, kind):
        """A registered plate is neither scored nor opened."""
        fill(scan, tmp_path, loops(DRIVER, range(1, 28), NIGHTS))
        register(scan, tmp_path, kind, DRIVER)
        ranking = find(scan)
        assert (plates(ranking), ranking.scored, ranking.excluded) == ([], 0, 1)
        assert scan.store.openings() == []

    def test_an_expired_licence_excludes_nobody(self, scan, tmp_path):
        fill(scan, tmp_path, loops(DRIVER, range(1, 28), NIGHTS))
        register(scan, tmp_path, RegisterKind.LICENSED, DRIVER, valid_to="2020-01-01")
        assert plates(find(scan)) == [DRIVER]

    def test_a_misread_licensed_plate_is_not_listed(self, scan, tmp_path):
        """A ghost that differs by one look-alike character may be the licensed car, so nobody is sent after it."""
        fill(scan, tmp_path, loops("渝A12B45", range(1, 28), NIGHTS))
        register(scan, tmp_path, RegisterKind.LICENSED, "渝A12845")
        ranking = find(scan)
        assert (plates(ranking), ranking.misread) == ([], 1)

    def test_what_could_not_be_checked_is_said(self, scan, tmp_path):
        assert find(scan).unchecked == ("licensed", "exemptions")
        register(scan, tmp_path, RegisterKind.LICENSED, DRIVER)
        assert find(replace(scan, can_tell_origin=False)).unchecked == ("exemptions", "home_prefixes")

    def test_little_history_is_no_history(self, scan, tmp_path):
        """Five days, however busy, are never a lead; nor are many visits within few days."""
        fill(scan, tmp_path, loops(DRIVER, range(20, 25), NIGHTS) + loops("渝C12345", range(10, 18), NIGHTS))
        assert find(scan, min_score=0.0).scored == 0

    def test_police_cars_are_no_concern_of_it(self, scan, tmp_path):
        fill(scan, tmp_path, loops("渝A1234警", range(1, 28), NIGHTS))
        assert find(scan).scored == 0

    def test_top_k_is_a_cap(self, scan, tmp_path):
        """A shift gets as many as it can work, the best score first."""
        rows = [r for n in range(5) for r in loops(f"渝C1234{n}", range(1, 28 - n), NIGHTS)]
        fill(scan, tmp_path, rows)
        ranking = find(scan, most=3)
        assert len(ranking.suspects) == 3
        assert [s.score for s in ranking.suspects] == sorted((s.score for s in ranking.suspects), reverse=True)

    def test_outcomes_feed_back(self, scan, tmp_path):
        """A plate found lawful is left alone for a while; one confirmed before scores higher."""
        fill(scan, tmp_path, loops("渝C12345", range(1, 28, 2), (1.0, 6.0)))
        (before,) = find(scan, min_score=0.0).suspects
        (after,) = find(replace(scan, outcomes={"渝C12345": (LeadOutcome.CONFIRMED, at(0))}), min_score=0.0).suspects
        assert after.score > before.score
        assert "outcome_confirmed" in [reason.code for reason in after.reasons]
        lawful = replace(scan, outcomes={"渝C12345": (LeadOutcome.LAWFUL, at(0))})
        assert find(lawful, min_score=0.0).suspects == ()
        long_ago = replace(scan, outcomes={"渝C12345": (LeadOutcome.LAWFUL, datetime(2020, 1, 1, tzinfo=UTC))})
        assert len(find(long_ago, min_score=0.0).suspects) == 1

    def test_a_plate_is_not_listed_again_before_it_has_come_again(self, scan, tmp_path):
        """Officers have reported on what was seen until then; the next visit makes it a lead again."""
        fill(scan, tmp_path, loops("渝C12345", range(1, 28, 2), (1.0, 6.0)))
        for reported_at, listed in ((at(28), 0), (at(26), 1)):
            handled = replace(scan, outcomes={"渝C12345": (LeadOutcome.CONFIRMED, reported_at)})
            assert len(find(handled, min_score=0.0).suspects) == listed


class TestScorer:
    def test_every_weight_pulls_the_way_its_sentence_says(self):
        """Only parking and passing through speak against a suspicion; everything else for it."""
        scorer = load_scorer()
        against = {w.feature for w in scorer.weights if w.weight < 0}
        assert against <= {"through_share", "long_stay_share"}
        assert {w.feature for w in scorer.weights} <= set(FEATURES)

    def test_days_and_visits_in_reasons_are_counts(self):
        """A sentence says 26 days, not 26.0."""
        row = dict.fromkeys(FEATURES, 0.0) | {"visit_days": 26.0, "visits": 55.0}
        (values,) = (r.values for r in load_scorer().reasons(row, None) if r.code == "visit_days")
        assert str(values) == "{'visit_days': 26, 'visits': 55}"

    def test_the_score_is_the_logistic_of_the_published_sum(self):
        scorer = load_scorer()
        columns = {name: np.array([0.0]) for name in FEATURES} | {"is_local": np.array([1.0])}
        assert scorer.score(columns, [None])[0] == pytest.approx(1 / (1 + np.exp(-scorer.bias)))
        columns["night_share"] = np.array([99.0])
        (night,) = (w for w in scorer.weights if w.feature == "night_share")
        assert scorer.score(columns, [None])[0] == pytest.approx(1 / (1 + np.exp(-scorer.bias - night.weight)))

    @pytest.mark.parametrize(
        "text", ["", "version = 1", "not toml", "version='1'\nbias=nan\n[outcomes]\n[[feature]]\nx=1"]
    )
    def test_a_wrong_table_is_named(self, tmp_path, text):
        (tmp_path / "w.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match=r"w\.toml"):
            load_scorer(tmp_path / "w.toml")
