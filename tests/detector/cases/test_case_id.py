from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from detector.cases.case_id import derive_case_id
from detector.entities import RELATIVE_EPOCH, TimeBasis, TimeSource, VehiclePass, VehicleType

ABSOLUTE = TimeBasis(TimeSource.OPERATOR, 500.0)
RELATIVE = TimeBasis(TimeSource.RELATIVE, None)


def make_pass(pass_id="0123456789abcdef0123", first_seen_at=datetime(2024, 3, 5, 16, 35, 12, tzinfo=UTC)):
    return VehiclePass(
        pass_id, "gate", 1, VehicleType.TRUCK, first_seen_at, first_seen_at + timedelta(seconds=5), 0.0, 5.0, None,
        None, None, (), False,
    )  # fmt: skip


def test_absolute_time_is_readable_as_beijing_time():
    """Half past midnight in Beijing belongs to the day that officers write on their forms."""
    assert derive_case_id(make_pass(), ABSOLUTE).startswith("RW-20240306-003512-")


def test_relative_time_shows_no_date():
    """Time that counts from 1970 is no date, so none is shown."""
    case_id = derive_case_id(make_pass(first_seen_at=RELATIVE_EPOCH), RELATIVE)
    assert case_id.startswith("RW-REL-")
    assert "1970" not in case_id


@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from([ABSOLUTE, RELATIVE]))
def test_same_pass_same_id_and_other_pass_other_id(one, other, time):
    """The id depends on the pass id and nothing that changes from run to run, such as the track number."""
    first, again = make_pass(one), replace(make_pass(one), track_id=99)
    assert derive_case_id(first, time) == derive_case_id(again, time)
    assert (derive_case_id(first, time) == derive_case_id(make_pass(other), time)) == (one == other)


@given(st.text())
def test_ids_are_safe_as_folder_names(pass_id):
    """Whatever a pass is called, its case can be a folder on any disk."""
    for time in (ABSOLUTE, RELATIVE):
        assert set(derive_case_id(make_pass(pass_id), time)) <= set("RWEL-0123456789ABCDEF")
