"""From a form of the case page to a step of the case: what was given is checked before the life of cases sees it."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData

from detector.cases.law import law_day
from detector.cases.transitions import BY_ACTION, Need
from detector.entities import Action, Case, Role
from detector.review.desk import Desk
from detector.review.queries.visible import sees_case
from detector.review.refusals import Refusal
from detector.review.visitors import Visitor

ROLES = frozenset(role for row in BY_ACTION.values() for role in row.roles if role is not Role.SYSTEM)
"""Everybody who may take any step."""

DONE_HERE = (Action.CONFIRM, Action.REJECT, Action.SUSPEND, Action.MERGE, Action.HAND_OVER, Action.RELEASE)
"""After these a reviewer is done with a case, and the next one comes."""

DONE_IN_LAW = (Action.LEGAL_CONFIRM, Action.LEGAL_REJECT, Action.SEND_BACK)


def read_details(desk: Desk, visitor: Visitor, case: Case, action: Action, form: FormData) -> dict[str, Any]:
    """The details of a step, as the life of cases takes them.

    Raises:
        Refusal: something that was given is not there, is not the person's to name, or is no plate.
    """
    needs = BY_ACTION[action].needs
    details: dict[str, Any] = {}
    if Need.PLATE in needs:
        details["plate"] = _plate(desk, _text(form, "plate"))
    if Need.BASIS in needs:
        details["basis"] = desk.law.choose(_text(form, "basis"), law_day(case, desk.now()))
    if Need.UNITS in needs:
        details["units"] = _units(form)
    if Need.UNIT in needs:
        details["unit"] = _text(form, "unit")
    if Need.SITE in needs:
        details["site"] = _text(form, "site")
    if Need.PARENT in needs:
        details["parent"] = _other_case(desk, visitor, _text(form, "parent"))
    if Need.ACCOUNT in needs:
        details |= _colleague(desk, case, _text(form, "account"))
    return details


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > 200:
        raise Refusal(400, "error.form", name)
    return text


def _plate(desk: Desk, text: str) -> str:
    plate = text.upper().replace(" ", "")
    if not desk.is_plate(plate):
        raise Refusal(400, "error.no_plate", plate)
    return plate


def _units(form: FormData) -> list[Mapping[str, Any]]:
    units = [unit for unit in form.getlist("units") if isinstance(unit, str) and unit]
    main = form.get("main")
    if not units or len(units) > 50 or (main and main not in units):
        raise Refusal(400, "error.form", "units")
    return [{"unit": unit, "main": unit == main} for unit in units]


def _other_case(desk: Desk, visitor: Visitor, case_id: str) -> str:
    if not sees_case(desk.engine, visitor, case_id):
        raise Refusal(404, "error.no_case", case_id)
    return case_id


def _colleague(desk: Desk, case: Case, account: str) -> dict[str, str]:
    found = desk.accounts.get(account)
    if found is None or found.is_disabled or Role.REVIEWER not in found.roles or not found.sees(case.district):
        raise Refusal(400, "error.no_colleague", account)
    return {"account": found.account, "name": found.name}
