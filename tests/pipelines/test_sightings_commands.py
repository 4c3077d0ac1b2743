"""Sightings, leads, registers and the watch list as a user meets them, on a small simulated city."""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from detector.errors import SourceError
from pipelines.evaluation.leads import evaluate_leads, read_truth
from tests.command_line import ROOT, run

SIMULATOR_V2 = "5caf2d082f833520dee71dc9aa24e9b51925378a37345a62d33b602d0d9864df"
"""SHA-256 of what git tag simulator-v2 (commit bdcf53c4a0f9) writes at scale 0.02."""


def answer(*arguments, home, **environment):
    result = run(*arguments, "--json", home=home, **environment)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def simulate(folder, *arguments):
    command = [sys.executable, ROOT / "scripts/simulate_sightings.py", folder, "--scale", "0.02", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("city") / "a")


@pytest.fixture(scope="module")
def home(city, tmp_path_factory):
    """A home folder with the city imported."""
    home = tmp_path_factory.mktemp("home")
    (home / "var").mkdir()
    (home / "var" / "cameras.toml").write_text((city / "cameras.toml").read_text(encoding="utf-8"), encoding="utf-8")
    found = answer("sightings", "import", city / "sightings.csv", home=home)
    assert found["kept"] > 20_000
    return home


def test_the_simulator_is_the_frozen_one(city):
    """Its figures in docs/sightings.md hold for version 2 alone: another output needs a new version and new figures."""
    names = ("sightings.csv", "truth.csv", "registers/licensed.csv", "registers/exemptions.csv")
    digest = hashlib.sha256(b"".join((city / name).read_bytes() for name in names)).hexdigest()
    assert digest == SIMULATOR_V2


def test_another_seed_is_another_city(city, tmp_path):
    """That one seed is one city, the digest above shows."""
    other = simulate(tmp_path / "b", "--seed", "2", "--days", "1")
    truth = (city / "truth.csv").read_text(encoding="utf-8")
    assert (other / "truth.csv").read_text(encoding="utf-8") != truth


def test_leads_of_the_simulated_city(city):
    """Above the targets with registers; the naive way finds next to none; without registers it says what it missed."""
    found = evaluate_leads(city / "sightings.csv", city / "truth.csv", city / "registers")
    assert found["precision_at"]["10"] == 1.0 or found["illegal"] < 10
    assert found["recall_by_kind"]["full_time"] == 1.0
    assert found["exempt_listed"] == 0
    assert found["baselines"]["visit_frequency"]["precision_at"]["10"] == 0.0
    bare = evaluate_leads(city / "sightings.csv", city / "truth.csv")
    assert bare["unchecked"] == ["licensed", "exemptions"]
    assert bare["precision_at"]["10"] < found["precision_at"]["10"]


def test_evaluate_prints_one_json_object(city, tmp_path):
    found = answer(
        "evaluate",
        "leads",
        city / "sightings.csv",
        city / "truth.csv",
        "--registers",
        city / "registers",
        home=tmp_path,
    )
    assert {"precision_at", "recall", "recall_by_kind", "exempt_listed", "baselines"} <= found.keys()
    assert not (tmp_path / "var").exists()


def test_plates_of_the_truth_are_compared_like_those_of_sightings(tmp_path):
    """With their dot, in small letters; what is no plate is named by line, and so is what is no CSV."""
    path = tmp_path / "truth.csv"
    path.write_text("plate,kind,illegal\n渝A·12345,full_time,1\n渝b 12345,commuter,0\n", encoding="utf-8")
    assert read_truth(path) == ({"渝A12345": "full_time", "渝B12345": "commuter"}, {"渝A12345"})
    path.write_text("illegal,kind,plate\n1,full_time,渝A12345\n0,x,渝A1234-\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"truth\.csv: line 3: plate is no complete Chinese plate"):
        read_truth(path)
    path.write_text(f"plate,kind,illegal\n渝A12345,{'x' * 140_000},1\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"truth\.csv: cannot be read"):
        read_truth(path)


def test_scan_show_and_feed_back(home):
    """A lead has sentences in Chinese, its opening is logged, and a lawful outcome keeps it out of the next scan."""
    found = answer("leads", "scan", "--person", "zhang", "--reason", "shift 3", home=home)
    lead = next(lead for lead in found["leads"] if lead["kind"] == "ride_hailing")
    assert all(re.search("[一-鿿]", reason["text"]) for reason in lead["reasons"])
    shown = run("leads", "show", lead["lead_id"], "--language", "en", home=home).stdout
    assert "suspected illegal ride-hailing" in shown
    log = answer("sightings", "openings", home=home)["openings"]
    assert {(entry["person"], entry["reason"]) for entry in log} == {("zhang", "shift 3")}
    assert run("leads", "outcome", lead["lead_id"], "lawful", "--person", "li", home=home).returncode == 0
    again = answer("leads", "scan", home=home)
    assert lead["plate"] not in [other["plate"] for other in again["leads"] if other["kind"] == "ride_hailing"]
    listed = answer("leads", "list", "--closed", home=home)["leads"]
    assert [(other["lead_id"], other["outcome_by"]) for other in listed] == [(lead["lead_id"], "li")]


@pytest.mark.parametrize("missing", ["impact_assessment", "assessed_on"])
def test_without_an_impact_assessment_nothing_is_scanned(home, tmp_path, missing):
    """PIPL art. 55: one clear line, exit 1, no lead."""
    text = (home / "var" / "cameras.toml").read_text(encoding="utf-8")
    bare = tmp_path / "bare.toml"
    bare.write_text(re.sub(rf"(?m)^{missing} = .*$", "", text), encoding="utf-8")
    before = len(answer("leads", "list", home=home)["leads"])
    result = run("leads", "scan", "--cameras", bare, home=home)
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert "impact_assessment" in result.stderr
    assert len(answer("leads", "list", home=home)["leads"]) == before


def test_registers_exclude_and_are_listed(home, city):
    """After the import the scan has nothing more to say about what it could not check."""
    assert "not loaded" in run("register", "list", home=home).stdout
    for kind in ("licensed", "exemptions"):
        found = answer(
            "register", "import", kind, city / "registers" / f"{kind}.csv", "--source", "transport", home=home
        )
        assert found["rows"] > 10
    assert answer("leads", "scan", home=home)["unchecked"] == []
    assert {r["kind"] for r in answer("register", "list", home=home)["registers"]} == {"licensed", "exemptions"}


def test_purge_as_of_a_later_day_leaves_nothing(city, tmp_path):
    """Everything is past its lifetime: rows, files, keys of that time."""
    answer("sightings", "import", city / "sightings.csv", "--cameras", city / "cameras.toml", home=tmp_path)
    total = answer("sightings", "count", home=tmp_path)["total"]
    found = answer("sightings", "purge", "--now", "2026-08-01T00:00:00+08:00", home=tmp_path)
    assert (found["deleted"], found["kept"]) == (total, 0)
    assert answer("sightings", "count", home=tmp_path) == {"total": 0, "days": {}}
    assert list((tmp_path / "var" / "sightings").rglob("*.parquet")) == []
    assert found["destroyed_keys"] >= 2
    refused = answer("sightings", "import", city / "sightings.csv", home=tmp_path)
    assert refused["kept"] == 0


def test_bad_rows_are_said_on_standard_error_and_the_rest_kept(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "plate_text,camera_id,seen_at\n渝A12345,in,2026-05-08T12:00:00Z\n?,in,2026-05-08T12:00:00Z\n", encoding="utf-8"
    )
    result = run("sightings", "import", path, "--rejects", tmp_path / "bad.csv", home=tmp_path)
    assert result.returncode == 0
    assert "1 sightings kept" in result.stdout
    assert f"{path}: line 3: plate_text is no Chinese plate" in result.stderr
    assert (tmp_path / "bad.csv").read_text(encoding="utf-8").splitlines()[1].startswith("3,")


def test_every_refused_row_stands_in_the_file(tmp_path):
    """Also where there are more than a report names."""
    path, rejects = tmp_path / "a.csv", tmp_path / "bad.csv"
    path.write_text("plate_text,camera_id,seen_at\n" + "?,in,2026-05-08T12:00:00Z\n" * 1500, encoding="utf-8")
    found = answer("sightings", "import", path, "--rejects", rejects, home=tmp_path)
    assert (found["bad"], len(found["bad_rows"])) == (1500, 1000)
    lines = rejects.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["line", *map(str, range(2, 1502))]


def test_a_file_for_refused_rows_that_cannot_be_stops_before_the_import(tmp_path):
    """One line, nothing stored, and the records themselves are not overwritten."""
    path = tmp_path / "a.csv"
    path.write_text("plate_text,camera_id,seen_at\n渝A12345,in,2026-05-08T12:00:00Z\n", encoding="utf-8")
    for rejects in (tmp_path / "none" / "bad.csv", path):
        result = run("sightings", "import", path, "--rejects", rejects, home=tmp_path)
        assert result.returncode == 1
        assert len(result.stderr.strip().splitlines()) == 1
    assert path.stat().st_size > 50
    assert answer("sightings", "count", home=tmp_path)["total"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("sightings", "purge", "--now", "0001-01-01T00:00:00Z"),
        ("leads", "scan", "--until", "0001-01-01T00:00:00Z"),
        ("leads", "scan", "--until", "9999-12-31T23:59:59Z"),
        ("sightings", "find", "渝A12345", "--reason", "complaint 7", "--days", "800000"),
    ],
)
def test_times_of_no_sighting_are_refused(home, arguments):
    """One line that names the option, and no plate is opened."""
    before = len(answer("sightings", "openings", home=home)["openings"])
    result = run(*arguments, home=home)
    assert result.returncode in (1, 2)
    assert next(word for word in arguments if word.startswith("--") and word != "--reason") in result.stderr
    assert "Traceback" not in result.stderr
    assert len(answer("sightings", "openings", home=home)["openings"]) == before


def test_the_watch_list_needs_two_people(tmp_path):
    """One account cannot approve its own entry, nor another's name without its password."""
    one, two = {"ROADWARDEN_PASSWORD": "first password"}, {"ROADWARDEN_PASSWORD": "second password"}
    for name, secret in (("li", one), ("wang", two)):
        given = {"ROADWARDEN_PASSWORD": "known to others", "ROADWARDEN_NEW_PASSWORD": secret["ROADWARDEN_PASSWORD"]}
        assert run("accounts", "add", name, "--roles", "supervisor", home=tmp_path, **given).returncode == 0
        assert run("accounts", "change", name, home=tmp_path, **given).returncode == 0
    wanted = ("watch", "add", "渝A·12345", "--applicant", "li", "--reason", "complaint", "--expires")
    assert run(*wanted, "2020-01-01T00:00:00+08:00", home=tmp_path, **one).returncode == 1
    unknown = run(*wanted, (datetime.now(UTC) + timedelta(days=3)).isoformat(), "--lead", "RL-0", home=tmp_path, **one)
    assert "no lead RL-0" in unknown.stderr
    entry = answer(*wanted, (datetime.now(UTC) + timedelta(days=3)).isoformat(), home=tmp_path, **one)
    assert (entry["plate"], entry["status"]) == ("渝A12345", "requested")
    for name in ("li", "wang"):
        refused = run("watch", "approve", entry["entry_id"], "--approver", name, home=tmp_path, **one)
        assert refused.returncode == 1
        assert "first password" not in refused.stderr + refused.stdout
    approved = answer("watch", "approve", entry["entry_id"], "--approver", "wang", home=tmp_path, **two)
    assert (approved["status"], approved["approver"]) == ("active", "wang")
    revoked = answer("watch", "revoke", entry["entry_id"], "--by", "wang", "--reason", "done", home=tmp_path, **two)
    assert revoked["status"] == "revoked"
    assert [e["status"] for e in answer("watch", "list", home=tmp_path)["entries"]] == ["revoked"]
    assert "no interception" in run("watch", "hits", home=tmp_path).stdout


def test_a_list_of_requests_is_taken_row_by_row(tmp_path):
    """Good rows wait for a second person each; bad ones are named by line and never by plate."""
    secret = {"ROADWARDEN_PASSWORD": "known to others", "ROADWARDEN_NEW_PASSWORD": "own password"}
    run("accounts", "add", "li", "--roles", "supervisor", home=tmp_path, **secret)
    run("accounts", "change", "li", home=tmp_path, **secret)
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    path = tmp_path / "wanted.csv"
    path.write_text(
        f"plate,reason,expires,plate_colour\n渝A·12345,投诉,{until},blue\n?,r,{until},\n渝A12346,,{until},\n"
        f"渝A12347,r,2026-05-01,\n渝A12348,r,{until},pink\n",
        encoding="utf-8",
    )
    own = {"ROADWARDEN_PASSWORD": "own password"}
    found = answer("watch", "import", path, "--applicant", "li", home=tmp_path, **own)
    (entry,) = found["entries"]
    assert (entry["plate"], entry["plate_colour"], entry["status"]) == ("渝A12345", "blue", "requested")
    assert [row["line"] for row in found["bad_rows"]] == [3, 4, 5, 6]
    assert "渝A1234" not in str(found["bad_rows"])


def test_a_search_by_plate_states_its_purpose_first(home, city):
    """Every sighting of the plate, in order; the log names person, reason and one plate. Without a purpose: nothing."""
    with (city / "sightings.csv").open(encoding="utf-8") as file:
        rows = [line.split(",") for line in file.read().splitlines()[1:]]
    plate = Counter(row[0] for row in rows).most_common(1)[0][0]
    found = answer("sightings", "find", plate, "--reason", "complaint 7", "--person", "zhou", home=home)["sightings"]
    seen = [row[1] for row in rows if row[0] == plate]
    assert len(found) > 0.8 * len(seen)
    assert [s["camera_id"] for s in found] == seen[-len(found) :]  # of the last 30 days
    assert {s["picture"] for s in found} == {None}
    last = answer("sightings", "openings", home=home)["openings"][0]
    assert (last["person"], last["reason"], last["plates"]) == ("zhou", "complaint 7", 1)
    refused = run("sightings", "find", plate, "--reason", " ", home=home)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert run("sightings", "find", "渝A1", "--reason", "r", home=home).returncode == 1


def test_deleted_plates_are_not_in_the_database_file_any_more(home, city, tmp_path):
    """Leads hold plates in clear; after the purge neither the file nor its log has the bytes."""
    answer("sightings", "import", city / "sightings.csv", "--cameras", city / "cameras.toml", home=tmp_path)
    found = answer("leads", "scan", "--cameras", city / "cameras.toml", home=tmp_path)["leads"]
    plate = found[0]["plate"].encode()
    assert plate in b"".join(path.read_bytes() for path in (tmp_path / "var").glob("roadwarden.db*"))
    answer("sightings", "purge", "--now", "2026-08-01T00:00:00+08:00", home=tmp_path)
    assert plate not in b"".join(path.read_bytes() for path in (tmp_path / "var").glob("roadwarden.db*"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[hub]]\nid = "h"\n', "has no camera"),
        ('[[hub]]\nid = "h"\nentry = ["b"]\n', "no camera 'b'"),
        ('[[hub]]\nid = "h"\nentry = ["a"]\nexit = ["a"]\n', "two roles"),
        ('[[hub]]\nid = "h"\nentry = ["a"]\n[[hub]]\nid = "g"\nexit = ["a"]\n', "two hubs"),
        ('[[road]]\nfrom = "a"\nto = "z"\ndistance_m = 5\n', "no camera 'z'"),
        ('[[road]]\nfrom = "a"\nto = "a"\ndistance_m = -5\n', "distance_m"),
        ("[leads]\nwindow_days = 60\n", "key_window_days"),
        ("[privacy]\nlifetime_days = 400\n", "lifetime_days"),
    ],
)
def test_mistakes_in_hubs_and_roads_are_named(tmp_path, text, words):
    path = tmp_path / "c.toml"
    path.write_text(f'{text}\n[[camera]]\nid = "a"\n', encoding="utf-8")
    result = run("sightings", "count", "--cameras", path, home=tmp_path)
    assert result.returncode == 1
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_keys_inside_the_store_are_refused(tmp_path):
    """Whoever copies the store must not copy the keys."""
    folder = tmp_path / "var" / "sightings" / "keys"
    result = run("sightings", "count", home=tmp_path, ROADWARDEN_KEYS=str(folder))
    assert result.returncode == 1
    assert "must not lie in the store" in result.stderr


def test_keys_go_where_the_environment_says(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("plate_text,camera_id,seen_at\n渝A12345,in,2026-05-08T12:00:00Z\n", encoding="utf-8")
    assert run("sightings", "import", path, home=tmp_path, ROADWARDEN_KEYS=str(tmp_path / "k")).returncode == 0
    assert len(list((tmp_path / "k").glob("*.key"))) == 3
    assert not (tmp_path / "var" / "keys").exists()
