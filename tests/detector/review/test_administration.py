"""Administration: accounts by administrators alone, dead messages sent again, a log that shows its own damage."""

import re

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from detector.database.sessions import read_session, write_session
from detector.database.tables import AuditRow
from detector.dispatch.outbox import Outbox
from detector.entities import Action, MessageState, Role
from detector.errors import StorageError
from detector.review.desk import Desk
from tests.detector.review.desk import OWN_CASE, Clock, DeskClient


@pytest.fixture
def admin(app: FastAPI) -> DeskClient:
    return DeskClient(app, Role.ADMINISTRATOR.value)


def fresh_password(html: str) -> str:
    return re.search(r'id="fresh-password">([^<]+)<', html).group(1)


PERSON = {"account": "zhang", "name": "张伟", "roles": ["reviewer", "legal"], "unit": "cq", "districts": "jlp，bn"}


def test_a_new_person_gets_a_password_that_works_once(admin: DeskClient, app: FastAPI, desk: Desk) -> None:
    """Shown on this page alone; the first sign-in must change it."""
    password = fresh_password(admin.post("/administration/accounts", PERSON).text)
    assert password not in admin.get("/administration/accounts").text
    found = desk.accounts.authenticate("zhang", password)
    assert (found.districts, found.must_change, len(found.roles)) == (("jlp", "bn"), True, 2)


def test_people_are_listed_with_the_names_of_units_and_districts(admin: DeskClient) -> None:
    """Ids are for forms and files."""
    page = admin.get("/administration/accounts").text
    assert '<span class="soft">九龙坡区城管局 · 九龙坡区</span>' in page


def test_ones_own_account_names_unit_and_districts(app: FastAPI) -> None:
    """As others read them in the list."""
    page = DeskClient(app, Role.DEPARTMENT.value).get("/account").text
    assert "<dd>九龙坡区城管局</dd>" in page and "<dd>九龙坡区</dd>" in page


def test_roles_and_districts_change_and_the_log_holds_both_states(admin: DeskClient, desk: Desk) -> None:
    """What somebody could do yesterday can be looked up."""
    admin.post("/administration/accounts", PERSON)
    admin.post("/administration/accounts/zhang", PERSON | {"roles": ["auditor"], "districts": "*"})
    assert desk.accounts.get("zhang").roles == {Role.AUDITOR}
    page = admin.get("/administration/log?action=account_change").text
    assert "reviewer" in page and "auditor" in page


def test_a_person_whose_account_is_shut_is_out_at_once(admin: DeskClient, app: FastAPI) -> None:
    """The session that is open ends with it; a new password unlocks what was locked."""
    reviewer = DeskClient(app, "reviewer")
    assert reviewer.get("/queue").status_code == 200
    admin.post("/administration/accounts/reviewer/shut", {"shut": "true"})
    assert reviewer.get("/queue").status_code == 303
    admin.post("/administration/accounts/reviewer/shut", {"shut": "false"})
    assert reviewer.get("/queue").status_code == 200


def test_somebody_can_always_administer(admin: DeskClient, desk: Desk) -> None:
    """The last administrator can neither be shut out nor lose the role."""
    shut = admin.post("/administration/accounts/administrator/shut", {"shut": "true"})
    changed = admin.post("/administration/accounts/administrator", {"name": "x", "roles": ["auditor"]})
    assert {shut.status_code, changed.status_code} == {503}
    assert not desk.accounts.get("administrator").is_disabled
    assert Role.ADMINISTRATOR in desk.accounts.get("administrator").roles


@pytest.mark.parametrize("roles", [[], ["system"], ["king"]])
def test_roles_that_do_not_exist_are_refused(admin: DeskClient, desk: Desk, roles: list[str]) -> None:
    """Nobody becomes the program itself."""
    assert admin.post("/administration/accounts", PERSON | {"roles": roles}).status_code in (400, 422, 503)
    assert desk.accounts.get("zhang") is None


def test_a_dead_message_is_seen_and_sent_again(app: FastAPI, desk: Desk) -> None:
    """The dispatcher sees why, and sends; who did it is in the log."""
    outbox = Outbox(desk.engine)
    with write_session(desk.engine) as session:
        message_id = outbox.enqueue(session, ("urban", OWN_CASE, 1), "dispatched", {})
    outbox.give_up(message_id, "400 no such unit")
    dispatcher = DeskClient(app, Role.DISPATCHER.value)
    assert "400 no such unit" in dispatcher.get("/administration/outbox?state=dead").text
    dispatcher.post(f"/administration/outbox/{message_id}/resend")
    assert outbox.count()[MessageState.PENDING] == 1
    assert "message_resend" in DeskClient(app, Role.AUDITOR.value).get("/administration/log").text


def test_the_log_is_filtered_and_paged(app: FastAPI, desk: Desk) -> None:
    """By person, act and case; older lines are a page away."""
    reviewer = desk.accounts.get("reviewer").actor
    desk.life.perform(OWN_CASE, Action.CLAIM, reviewer)
    for number in range(105):
        desk.life.perform(OWN_CASE, Action.NOTE, reviewer, reason=f"note {number}")
    auditor = DeskClient(app, Role.AUDITOR.value)
    page = auditor.get(f"/administration/log?account=reviewer&case={OWN_CASE}&action=note").text
    assert "note 104" in page and "note 4<" not in page
    older = re.search(r'href="(/administration/log\?[^"]+before=\d+)"', page).group(1).replace("&amp;", "&")
    assert "note 4<" in auditor.get(older).text
    assert "note" not in auditor.get("/administration/log?account=nobody").text.split("<tbody>")[1].split("</tbody>")[0]


def test_a_line_that_was_altered_is_found_from_the_page(app: FastAPI, desk: Desk) -> None:
    """Somebody with the database in hand changes a reason; the page names the line."""
    desk.life.perform(OWN_CASE, Action.CLAIM, desk.accounts.get("reviewer").actor)
    auditor = DeskClient(app, Role.AUDITOR.value)
    assert "链完整" in auditor.post("/administration/log/verify").text
    with desk.engine.begin() as connection:
        for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            connection.execute(text(f'DROP TRIGGER "{name}"'))
        connection.execute(text("UPDATE audit_log SET reason = 'forged' WHERE case_id IS NOT NULL"))
    assert "链不完整" in auditor.post("/administration/log/verify").text


def test_what_the_next_run_deletes_is_announced(app: FastAPI, desk: Desk, clock: Clock) -> None:
    """Rejected cases after their time; open ones never."""
    reviewer = desk.accounts.get("reviewer").actor
    desk.life.perform(OWN_CASE, Action.CLAIM, reviewer)
    desk.life.perform(OWN_CASE, Action.REJECT, reviewer, reason="empty")
    clock.move(days=31)
    page = DeskClient(app, Role.AUDITOR.value).get("/administration/keeping").text
    assert "将删除 1 件" in page and OWN_CASE in page


def test_a_store_refuses_a_change_of_nobody(desk: Desk) -> None:
    """One line, and no line in the log."""
    with read_session(desk.engine) as session:
        before = session.query(AuditRow).count()
    ghost = desk.accounts.get("reviewer")
    with pytest.raises(StorageError, match="no account"):
        desk.accounts.change(ghost.__class__("ghost", "x", "", ghost.roles, ()), ghost.actor)
    with read_session(desk.engine) as session:
        assert session.query(AuditRow).count() == before
