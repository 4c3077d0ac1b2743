"""Administration: accounts, messages to departments, the audit log, keeping and keys."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Form
from starlette.responses import Response

from detector.cases.audit import verify
from detector.cases.keeping import find_expired
from detector.cases.units import UnitStore
from detector.dispatch.outbox import Outbox
from detector.entities import MessageState, Role
from detector.review.access import allow, page_router
from detector.review.accounts import Account
from detector.review.days import read_day
from detector.review.queries.audit_log import LINES, LogFilter, find_actions, read_log
from detector.review.refusals import Refusal
from detector.review.view import CurrentView, Link, View

router = page_router()
LINKS = (
    Link("show_accounts", "administration.accounts", 90),
    Link("show_outbox", "administration.outbox", 91),
    Link("show_log", "administration.log", 92),
    Link("show_keeping", "administration.keeping", 93),
)
HELD = tuple(role for role in Role if role is not Role.SYSTEM)
Name = Annotated[str, Form(min_length=1, max_length=64)]
Text = Annotated[str, Form(max_length=200)]


@router.get("/administration/accounts")
@allow(Role.ADMINISTRATOR)
def show_accounts(view: CurrentView) -> Response:
    """Everybody who may sign in."""
    return _accounts(view)


@router.post("/administration/accounts")
@allow(Role.ADMINISTRATOR)
def add_account(
    view: CurrentView,
    account: Name,
    name: Text,
    roles: Annotated[list[str], Form(max_length=len(HELD))],
    unit: Text = "",
    districts: Text = "",
    certificate: Text = "",
) -> Response:
    """A new account; its first password is shown on this page alone."""
    made = Account(account, name, unit, _roles(roles), _list(districts), certificate.strip() or None, True)
    password = secrets.token_urlsafe(12)
    stored = view.desk.accounts.add(made, password, view.visitor.actor)
    return _accounts(view, (stored.account, password))


@router.post("/administration/accounts/{account}")
@allow(Role.ADMINISTRATOR)
def change_account(
    view: CurrentView,
    account: str,
    name: Text,
    roles: Annotated[list[str], Form(max_length=len(HELD))],
    unit: Text = "",
    districts: Text = "",
    certificate: Text = "",
) -> Response:
    """What a person may do, and for whom."""
    found = _find(view, account)
    changed = replace(
        found,
        name=name,
        unit=unit,
        roles=_roles(roles),
        districts=_list(districts),
        certificate=certificate.strip() or None,
    )
    view.desk.accounts.change(changed, view.visitor.actor)
    return view.redirect("/administration/accounts", say="administration.changed", account=account)


@router.post("/administration/accounts/{account}/password")
@allow(Role.ADMINISTRATOR)
def reset_password(view: CurrentView, account: str) -> Response:
    """A new first password, shown on this page alone; the account is unlocked."""
    _find(view, account)
    password = secrets.token_urlsafe(12)
    view.desk.accounts.set_password(account, password, view.visitor.actor)
    return _accounts(view, (account, password))


@router.post("/administration/accounts/{account}/second-factor")
@allow(Role.ADMINISTRATOR)
def remove_second_factor(view: CurrentView, account: str) -> Response:
    """For somebody who lost the telephone."""
    _find(view, account)
    view.desk.accounts.remove_second_factor(account, view.visitor.actor)
    return view.redirect("/administration/accounts", say="administration.changed", account=account)


@router.post("/administration/accounts/{account}/shut")
@allow(Role.ADMINISTRATOR)
def shut_account(view: CurrentView, account: str, shut: Annotated[bool, Form()]) -> Response:
    """Shut an account out, or let it in again; it stays in the list, because the log names it."""
    _find(view, account)
    view.desk.accounts.set_disabled(account, shut, view.visitor.actor)
    return view.redirect("/administration/accounts", say="administration.changed", account=account)


@router.get("/administration/outbox")
@allow(Role.ADMINISTRATOR, Role.DISPATCHER, Role.SUPERVISOR)
def show_outbox(view: CurrentView) -> Response:
    """Messages to departments and other systems, and what became of them."""
    outbox, asked = Outbox(view.desk.engine), view.request.query_params.get("state", "")
    state = MessageState(asked) if asked in set(MessageState) else None
    return view.page("outbox.html", messages=outbox.list(100, state), counts=outbox.count(), chosen=state)


@router.post("/administration/outbox/{message_id}/resend")
@allow(Role.ADMINISTRATOR, Role.DISPATCHER)
def resend(view: CurrentView, message_id: str) -> Response:
    """Send a message again."""
    message = Outbox(view.desk.engine).resend(message_id)
    view.record("message_resend", message.kind, message=message_id, destination=message.destination)
    return view.redirect("/administration/outbox", say="administration.resent")


@router.get("/administration/log")
@allow(Role.AUDITOR, Role.ADMINISTRATOR)
def show_log(view: CurrentView) -> Response:
    """Who did, saw and searched what."""
    return _log(view)


@router.post("/administration/log/verify")
@allow(Role.AUDITOR, Role.ADMINISTRATOR, limit="search")
def verify_log(view: CurrentView) -> Response:
    """Walk the whole chain."""
    return view.page("log.html", **_lines(view), report=verify(view.desk.engine))


@router.get("/administration/keeping")
@allow(Role.ADMINISTRATOR, Role.AUDITOR)
def show_keeping(view: CurrentView) -> Response:
    """How long things are kept, what the next run will delete, and which keys sign."""
    expired = find_expired(view.desk.engine, view.desk.lifetimes, view.desk.now())
    return view.page("keeping.html", lifetimes=view.desk.lifetimes, expired=expired, keys=view.desk.signing_keys())


def _accounts(view: View, fresh: tuple[str, str] | None = None) -> Response:
    units = UnitStore(view.desk.engine).list()
    return view.page("accounts.html", accounts=view.desk.accounts.list(), units=units, held=HELD, fresh=fresh)


def _log(view: View) -> Response:
    return view.page("log.html", **_lines(view), report=None)


def _lines(view: View) -> dict[str, Any]:
    asked = view.request.query_params
    fields = {name: asked.get(name, "").strip()[:64] for name in ("account", "action", "case", "from", "to")}
    before, until = asked.get("before", ""), read_day(asked.get("to", ""))
    wanted = LogFilter(
        fields["account"] or None, fields["action"] or None, fields["case"] or None, read_day(asked.get("from", "")),
        until + timedelta(days=1) if until else None, int(before) if before.isdecimal() and len(before) < 16 else None,
    )  # fmt: skip
    events = read_log(view.desk.engine, wanted)
    return {
        "events": events, "fields": fields, "actions": find_actions(view.desk.engine),
        "older": events[-1].event_id if len(events) == LINES else None,
    }  # fmt: skip


def _roles(names: list[str]) -> frozenset[Role]:
    unknown = [name for name in names if name not in {role.value for role in HELD}]
    if unknown:
        raise Refusal(400, "error.form", "roles")
    return frozenset(Role(name) for name in names)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("，", ",").split(",") if part.strip())


def _find(view: View, account: str) -> Account:
    found = view.desk.accounts.get(account)
    if found is None:
        raise Refusal(404, "error.no_account")
    return found
