import string
from datetime import timedelta

import pytest

from detector.database.engine import open_database
from detector.entities import LeadKind, LeadOutcome, Reason, TimelineEntry
from detector.errors import StorageError
from detector.patterns.features import FEATURES
from detector.patterns.leads import LeadStore
from detector.patterns.scanning import Suspect
from detector.patterns.sentences import CHINESE, ENGLISH, Tongue, say_lead
from tests.sighting_files import at

WINDOW = (at(0), at(30))
SUSPECT = Suspect(
    "渝A12345", 0.9, (Reason("night_share", "hours", {"night_share": 0.75}, 4.1),),
    (TimelineEntry(at(29, 14.5), "in", "t3", "loop 22"),),
)  # fmt: skip
RIDE = LeadKind.RIDE_HAILING


@pytest.fixture
def store():
    return LeadStore(open_database("sqlite://"))


def save(store, *suspects, kind=RIDE):
    return store.save(kind, suspects, WINDOW, ("zhang", ("licensed",)))


def test_what_is_saved_comes_back_equal(store):
    (lead,) = save(store, SUSPECT)
    assert store.get(lead.lead_id) == lead
    assert (lead.reasons, lead.timeline, lead.unchecked) == (SUSPECT.reasons, SUSPECT.timeline, ("licensed",))


def test_a_later_scan_renews_the_open_lead_and_floods_nobody(store):
    """One open lead per plate and suspicion; after an outcome a new one may come."""
    (first,) = save(store, SUSPECT)
    (second,) = save(store, Suspect("渝A12345", 0.7, (), ()))
    assert (second.lead_id, second.score) == (first.lead_id, 0.7)
    (clone,) = save(store, SUSPECT, kind=LeadKind.CLONED_PLATE)
    assert clone.lead_id != first.lead_id
    store.report(first.lead_id, LeadOutcome.NOT_FOUND, "li")
    (third,) = save(store, SUSPECT)
    assert third.lead_id != first.lead_id
    assert len(store.list(10, is_open=True)) == 2


def test_a_lead_id_tells_nothing_of_the_plate(store):
    """It is random: the same plate gets another id elsewhere, so that a list of ids cannot be guessed back."""
    (here,), (there,) = save(store, SUSPECT), save(LeadStore(open_database("sqlite://")), SUSPECT)
    assert here.lead_id != there.lead_id


def test_outcomes_are_given_once_by_a_named_person_and_feed_back(store):
    (lead,) = save(store, SUSPECT)
    with pytest.raises(StorageError, match="needs the name"):
        store.report(lead.lead_id, LeadOutcome.CONFIRMED, " ")
    assert store.report(lead.lead_id, LeadOutcome.CONFIRMED, "li").outcome_by == "li"
    with pytest.raises(StorageError, match="closed already: confirmed, by li"):
        store.report(lead.lead_id, LeadOutcome.LAWFUL, "wang")
    assert {plate: outcome for plate, (outcome, _) in store.outcomes().items()} == {"渝A12345": LeadOutcome.CONFIRMED}
    with pytest.raises(StorageError, match="no lead RL-0"):
        store.get("RL-0")


def test_the_best_score_comes_first(store):
    save(store, *(Suspect(f"渝A1234{n}", n / 10, (), ()) for n in (3, 9, 5)))
    assert [lead.score for lead in store.list(2)] == [0.9, 0.5]
    assert store.list(5, kind=LeadKind.CLONED_PLATE) == []


def test_leads_are_deleted_after_their_lifetime(store):
    """Open ones soon, closed ones after the time in which a decision can be fought."""
    save(store, SUSPECT)
    assert store.purge(at(60) - timedelta(seconds=1), 30, 210) == 0
    assert store.purge(at(60) + timedelta(seconds=1), 30, 210) == 1
    assert list(store.list(5)) == []


def test_sentences_in_chinese_and_english(store):
    """Reason, what was not checked, and the visit in Beijing time; a caution on every lead."""
    (lead,) = save(store, SUSPECT)
    chinese, english = ("\n".join(say_lead(lead, tongue)) for tongue in Tongue)
    for part in (
        "疑似非法网约车",
        "75%的到访开始于22时至次日6时",
        "未载入出租车",
        "仅供核查",
        "22:30:00",
        "送客后接客，停留22分钟",
    ):
        assert part in chinese
    for part in ("75% of its visits", "no register of licensed taxis", "to be verified", "stayed 22 min"):
        assert part in english


def test_both_languages_say_the_same_things():
    """Same keys, same values in each sentence, and a sentence for every feature that has a weight."""
    names = lambda text: {field for _, field, _, _ in string.Formatter().parse(text) if field}  # noqa: E731
    assert CHINESE.keys() == ENGLISH.keys()
    assert [key for key in CHINESE if names(CHINESE[key]) != names(ENGLISH[key])] == []
    from detector.patterns.scoring import load_scorer

    positive = {w.feature for w in load_scorer().weights if w.weight > 0}
    assert positive <= CHINESE.keys() & set(FEATURES)
