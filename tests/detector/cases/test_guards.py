"""What the database itself refuses, and how tampering with the audit log is found."""

import pytest
from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from detector.cases import audit
from detector.cases.life_cycle import LifeCycle
from detector.cases.transitions import pairs
from detector.database.sessions import read_session, write_session
from detector.database.tables import AuditRow, CaseRow, TransitionRow
from detector.entities import Action, CaseStatus
from tests.detector.cases.case_files import CONFIRMED, DISPATCHED, NOON, REVIEWER, SYSTEM, do, prepare


@pytest.fixture
def life(engine: Engine) -> LifeCycle:
    prepare(engine)
    return LifeCycle(engine)


def test_the_database_knows_the_same_table(engine: Engine) -> None:
    """A change of the program's table without a migration is found."""
    with read_session(engine) as session:
        stored = {(row.before, row.after) for row in session.scalars(select(TransitionRow))}
    assert stored == {(before.value, after.value) for before, after in pairs()}


def test_every_pair_of_states_in_the_database_itself(engine: Engine) -> None:
    """A program that writes to the table directly gets through only with a legal change that the log tells."""
    prepare(engine)
    legal = pairs()
    with write_session(engine) as session:
        for before in CaseStatus:
            _force(session, before)
            for after in sorted(set(CaseStatus) - {before}, key=lambda after: ((before, after) in legal, after)):
                assert not _try_change(session, after), f"{before} to {after} without a line in the log"
                _tell(session, after)
                is_legal = (before, after) in legal
                assert _try_change(session, after) is is_legal, f"{before} to {after}"
                if is_legal:
                    _force(session, before)


def _tell(session: Session, after: CaseStatus) -> None:
    audit.append(session, audit.Entry(SYSTEM, "test", NOON, "RW-1", (after, after)))


def _force(session: Session, status: CaseStatus) -> None:
    """Bring the case into a state past the guard, by bending the guard's table for a moment."""
    _tell(session, status)
    now = session.scalar(select(CaseRow.status))
    if now == status:
        return
    bent = TransitionRow(before=now, after=status.value)
    is_new = session.get(TransitionRow, (now, status.value)) is None
    if is_new:
        session.add(bent)
        session.flush()
    session.execute(update(CaseRow).values(status=status.value))
    if is_new:
        session.delete(bent)
        session.flush()


def _try_change(session: Session, after: CaseStatus) -> bool:
    """In a transaction of its own within the other, so that what is refused leaves nothing."""
    try:
        with session.begin_nested():
            session.execute(update(CaseRow).values(status=after.value))
    except IntegrityError as error:
        assert "illegal change of state" in str(error)
        return False
    return True


def test_an_open_case_cannot_be_deleted(engine: Engine, life: LifeCycle) -> None:
    """Not even by a program that writes to the table directly."""
    with pytest.raises(IntegrityError, match="never deleted"), write_session(engine) as session:
        session.execute(delete(CaseRow))
    do(life, (Action.CLAIM, REVIEWER), (Action.REJECT, REVIEWER, {"reason": "empty"}))
    with write_session(engine) as session:
        session.execute(delete(CaseRow))


class TestAudit:
    def test_lines_cannot_be_changed_or_removed(self, engine: Engine, life: LifeCycle) -> None:
        """The database itself refuses."""
        do(life, *CONFIRMED)
        for statement in (update(AuditRow).values(name="x"), delete(AuditRow)):
            with pytest.raises(IntegrityError, match="append-only"), write_session(engine) as session:
                session.execute(statement)

    @pytest.mark.parametrize(
        ("tamper", "said"),
        [
            ("UPDATE audit_log SET name = 'x' WHERE event_id = 2", "line 2 altered"),
            ("DELETE FROM audit_log WHERE event_id = 2", "line 2 removed"),
            ("DELETE FROM audit_log WHERE event_id IN (2, 3)", "line 2 to 3 removed"),
            ("DELETE FROM audit_log WHERE event_id = 5", "line 5 to 5 removed from the end"),
            ("UPDATE audit_log SET event_id = 9 - event_id WHERE event_id > 3", "line 4 does not follow line 3"),
            ("DELETE FROM audit_head", "the head of the log is gone"),
            ("UPDATE audit_head SET event_id = 4", "the head of the log says line 4"),
        ],
    )
    def test_who_has_the_database_and_tampers_is_found(
        self, engine: Engine, life: LifeCycle, tamper: str, said: str
    ) -> None:
        """With the guards taken away first, as only an administrator of the database can."""
        do(life, *DISPATCHED)
        on_table = " ON audit_log" if engine.dialect.name == "postgresql" else ""
        with engine.begin() as connection:
            for guard in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER guard_audit_log_{guard}{on_table}"))
            if "9 - event_id" in tamper:  # two lines change places
                connection.execute(text("UPDATE audit_log SET event_id = event_id + 100 WHERE event_id > 3"))
                connection.execute(text("UPDATE audit_log SET event_id = 109 - event_id WHERE event_id > 100"))
            else:
                connection.execute(text(tamper))
        assert any(fault.startswith(said) for fault in audit.verify(engine).faults)
