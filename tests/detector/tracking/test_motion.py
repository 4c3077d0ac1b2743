"""The filter that predicts boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.tracking.motion import BoxMotion, MotionNoise

NOISE = MotionNoise()
BOX = np.array([[100.0, 200.0, 180.0, 260.0]])
POSITION, VELOCITY, VARIANCES = 0, 1, slice(2, 5)  # of a state
STEP_S = st.floats(0.01, 1.0)


def learn(speed_px: float, step_s: float, steps: int = 12, growth_px: float = 0.0) -> BoxMotion:
    motion = BoxMotion.start(BOX, NOISE)
    for index in range(1, steps + 1):
        half = growth_px / 2
        shift = np.array([speed_px - half, -half, speed_px + half, half]) * index * step_s
        motion = motion.predict(step_s, NOISE).correct(np.array([0]), BOX + shift, NOISE)
    return motion


def test_a_new_box_stands_still() -> None:
    """Without a second look there is no speed to extrapolate."""
    assert BoxMotion.start(BOX, NOISE).predict(1.0, NOISE).xyxy == pytest.approx(BOX)


@pytest.mark.parametrize("step_s", [0.04, 0.125, 0.5])
def test_speed_is_learned_in_px_a_second_at_any_frame_rate(step_s: float) -> None:
    """A vehicle at 90 px/s is known to drive 90 px/s, whether frames come 2 or 25 times a second."""
    assert learn(90, step_s).state[VELOCITY, 0] == pytest.approx([90, 0, 0, 0], abs=5)


@given(STEP_S, STEP_S)
def test_two_steps_leave_what_one_step_of_their_sum_leaves(first_s: float, second_s: float) -> None:
    """Prediction depends on elapsed time alone, not on how many frames it was cut into."""
    motion = learn(50, 0.1)
    still = motion.hold_size(np.array([True]))  # noise scales with the size, so the size must stay
    twice = still.predict(first_s, NOISE).predict(second_s, NOISE)
    once = still.predict(first_s + second_s, NOISE)
    assert twice.state == pytest.approx(once.state, rel=1e-6, abs=1e-6)


@given(st.lists(STEP_S, min_size=1, max_size=30))
def test_covariances_stay_valid(steps_s: list[float]) -> None:
    """However frames are spaced, every 2 x 2 covariance stays positive definite."""
    motion = BoxMotion.start(BOX, NOISE)
    for step_s in steps_s:
        motion = motion.predict(step_s, NOISE).correct(np.array([0]), BOX, NOISE)
        variance, covariance, speed_variance = motion.state[VARIANCES]
        assert (variance > 0).all()
        assert (variance * speed_variance > covariance**2).all()


@given(st.lists(st.tuples(STEP_S, st.floats(-50, 50)), min_size=1, max_size=10))
def test_each_coordinate_is_the_textbook_filter(looks: list[tuple[float, float]]) -> None:
    """Centre x of a box of constant size, against the same filter written with matrices."""
    motion, width = BoxMotion.start(BOX, NOISE), BOX[0, 2] - BOX[0, 0]
    state = np.array([BOX[0, [0, 2]].mean(), 0.0])
    spread = np.diag([(NOISE.measurement * width) ** 2, (NOISE.start_speed * width) ** 2])
    row = np.array([[1.0, 0.0]])
    for t, shift in looks:
        motion = motion.predict(t, NOISE).correct(np.array([0]), BOX + np.array([shift, 0, shift, 0]), NOISE)
        step = np.array([[1, t], [0, 1]])
        noise = (NOISE.acceleration * width) ** 2 * np.array([[t**3 / 3, t**2 / 2], [t**2 / 2, t]])
        state, spread = step @ state, step @ spread @ step.T + noise
        gain = spread @ row.T / (row @ spread @ row.T + (NOISE.measurement * width) ** 2)
        state = state + gain[:, 0] * (BOX[0, [0, 2]].mean() + shift - state[0])
        spread = (np.eye(2) - gain @ row) @ spread
    assert motion.state[[POSITION, VELOCITY], 0, 0] == pytest.approx(state, rel=1e-6, abs=1e-6)
    assert motion.state[VARIANCES, 0, 0] == pytest.approx([spread[0, 0], spread[0, 1], spread[1, 1]], rel=1e-6)


def test_correction_lies_between_prediction_and_detection() -> None:
    """A surprising box pulls the state toward it, not onto it, and only the rows that were seen."""
    both = BoxMotion.start(np.concatenate([BOX, BOX]), NOISE).predict(0.001, NOISE)
    corrected = both.correct(np.array([1]), BOX + 10, NOISE)
    assert (corrected.state[POSITION, 0] == both.state[POSITION, 0]).all()
    assert both.state[POSITION, 1, 0] < corrected.state[POSITION, 1, 0] < both.state[POSITION, 1, 0] + 10


def test_a_shrinking_box_never_turns_inside_out() -> None:
    """Extrapolated far, width and height stay at least 1 px."""
    motion = BoxMotion.start(BOX, NOISE)
    for index in range(1, 8):
        inset = np.array([4, 3, -4, -3]) * index
        motion = motion.predict(0.1, NOISE).correct(np.array([0]), BOX + inset, NOISE)
    x1, y1, x2, y2 = motion.predict(10.0, NOISE).xyxy[0]
    assert x2 - x1 >= 1
    assert y2 - y1 >= 1


def test_held_size_stays_while_the_centre_moves_on() -> None:
    """A vehicle out of sight keeps its size and goes on driving."""
    growing = learn(90, 0.1, growth_px=40)
    assert growing.state[VELOCITY, 0, 2:] == pytest.approx([40, 40], abs=5)
    held = growing.hold_size(np.array([True])).predict(1.0, NOISE)
    assert held.state[POSITION, 0, 2:] == pytest.approx(growing.state[POSITION, 0, 2:])
    assert held.state[POSITION, 0, 0] > growing.state[POSITION, 0, 0] + 80
