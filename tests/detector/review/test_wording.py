"""The desk speaks two languages, and every word that a page asks for is there."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from detector.cases import life_cycle
from detector.cases.law import load_law
from detector.cases.life_cycle import GIVEN
from detector.entities import Action, CaseStatus, Cover, Fill, Grade, PlateColour, RejectReason, Role, TimeSource
from detector.evidence.texts import CHINESE
from detector.review.refusals import MEANINGS, STATUS_TEXTS
from detector.review.wording import LANGUAGES, Words, load_texts
from detector.rules import RULES

REVIEW = Path(__file__).resolve().parents[3] / "detector" / "review"
CODES = {
    "status": CaseStatus, "action": Action, "reject": RejectReason, "grade": Grade, "cover": Cover, "fill": Fill,
    "role": [role for role in Role if role is not Role.SYSTEM], "colour": PlateColour, "time_source": TimeSource,
    "rule": RULES, "act": RULES, "need": [*GIVEN.values(), "reason"],
}  # fmt: skip


ABOUT_ERRORS = ("_advice", ".title", ".home", ".back", ".technical")


def test_both_languages_have_the_same_words() -> None:
    """No text is missing in one language, and each takes the same values."""
    chinese, english = (load_texts(language) for language in LANGUAGES)
    assert set(chinese) == set(english)
    braces = re.compile(r"{(\w+)[^}]*}")
    assert [key for key in chinese if set(braces.findall(chinese[key])) != set(braces.findall(english[key]))] == []
    assert [key for key in english if re.search("[一-鿿]", english[key]) and key != "desk.other_language"] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_of_the_program_has_a_word(language: str) -> None:
    """States, steps, reasons and rules are shown in the reader's language."""
    texts = load_texts(language)
    wanted = {f"{group}.{getattr(code, 'value', code)}" for group, codes in CODES.items() for code in codes}
    assert wanted - set(texts) == set()


def test_every_reason_why_a_case_is_a_lead_has_words() -> None:
    """What the printed dossier can say, the desk can say."""
    printed = {key.removeprefix("reason.") for key in CHINESE if key.startswith("reason.")}
    assert printed and {f"grade_reason.{reason}" for reason in printed} - set(load_texts("zh")) == set()


def test_templates_and_pages_ask_only_for_words_that_are_there() -> None:
    """Keys written out stand in the dictionary; keys that are put together begin a group that is there."""
    texts = load_texts("zh")
    faults = []
    for path in [*REVIEW.glob("templates/*.html"), *REVIEW.rglob("*.py")]:
        source = path.read_text(encoding="utf-8")
        for key, joined in re.findall(r"""\bt(?:\.known)?\(f?["']([\w.]+?\.?)["']\s*(~)?""", source):
            is_there = any(known.startswith(key) for known in texts) if joined or key.endswith(".") else key in texts
            faults += [] if is_there else [f"{path.name}: {key}"]
        faults += [f"{path.name}: {key}" for key in re.findall(r'say="([\w.]+)"', source) if key not in texts]
        faults += [f"{path.name}: {key}" for key in re.findall(r'"(error\.(?!html)\w+)"', source) if key not in texts]
    assert faults == []


def test_every_error_has_advice() -> None:
    """What happened is followed by what to do."""
    texts = load_texts("en")
    keys = {text for *_, text in MEANINGS} | set(STATUS_TEXTS.values())
    keys |= {key for key in texts if key.startswith("error.") and not key.endswith(ABOUT_ERRORS)}
    assert [key for key in keys if f"{key}_advice" not in texts] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cause_of_a_refused_step_has_a_sentence_that_names_what_it_is_given(language: str) -> None:
    """An officer reads in the own language why a step was refused; read off the calls that refuse."""
    texts, seen = load_texts(language), set()
    for call in ast.walk(ast.parse(inspect.getsource(life_cycle))):
        refuses = isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("Conflict", "IllegalTransition")
        if refuses:
            _, cause = call.args
            seen.add(cause.value)
            named = {keyword.arg for keyword in call.keywords}
            assert set(re.findall(r"{(\w+)}", texts[f"cause.{cause.value}"])) == named, cause.value
    assert {f"cause.{cause}" for cause in seen} == {key for key in texts if key.startswith("cause.")}


def test_codes_that_come_from_data_are_shown_as_they_are() -> None:
    """A rule that nobody has words for is no error."""
    assert Words("zh").known("rule.of_tomorrow", "of_tomorrow") == "of_tomorrow"
    assert load_law().bases
