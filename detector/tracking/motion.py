"""Where boxes will be: a constant-velocity Kalman filter for any number of boxes at once, in seconds.

Centre, width and height are filtered each by itself (position and velocity, so 2 × 2 covariances, and no matrix is ever
inverted). Noise is white acceleration, integrated exactly over the elapsed time: two steps of 0.1 s leave the same
uncertainty as one of 0.2 s, which the usual noise *per frame* does not when frames are unevenly spaced. Formulas:
Bar-Shalom, Li, Kirubarajan, Estimation with Applications to Tracking and Navigation, section 6.2.2.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True, slots=True)
class MotionNoise:
    """How far boxes may deviate; shares are of the box's own width (x) and height (y).

    Attributes:
        measurement: standard deviation of a detected edge's centre or size, share.
        start_speed: standard deviation of the unknown speed of a new box, shares a second.
        acceleration: root of the spectral density of acceleration, shares / s^1.5.
    """

    measurement: float = 0.05
    start_speed: float = 3.0
    acceleration: float = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class BoxMotion:
    """States of N boxes.

    Attributes:
        state: (5, N, 4) float64: position in px, velocity in px/s, variance of the position in px², covariance of both
            in px²/s and variance of the velocity in px²/s², each over centre x, centre y, width, height.
    """

    state: np.ndarray

    @classmethod
    def start(cls, xyxy: np.ndarray, noise: MotionNoise) -> Self:
        """New boxes (N, 4) in px, standing still as far as anybody knows."""
        position = _from_xyxy(xyxy)
        scale = _scale(position)
        zero = np.zeros_like(position)
        return cls(np.stack([position, zero, (noise.measurement * scale) ** 2, zero, (noise.start_speed * scale) ** 2]))

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.state[0])

    @property
    def xyxy(self) -> np.ndarray:
        """The boxes as (N, 4) in px."""
        centre, half = self.state[0, :, :2], self.state[0, :, 2:] / 2
        return np.concatenate([centre - half, centre + half], axis=1)

    def where(self, rows: np.ndarray) -> Self:
        """The boxes of a boolean mask (N,) or an index array."""
        return type(self)(self.state[:, rows])

    def join(self, other: Self) -> Self:
        """These boxes followed by others."""
        return type(self)(np.concatenate([self.state, other.state], axis=1))

    def predict(self, elapsed_s: float, noise: MotionNoise) -> Self:
        """The boxes after some time; none shrinks below 1 px."""
        t, after = elapsed_s, np.empty_like(self.state)
        position, velocity, variance, covariance, speed_variance = self.state
        density = (noise.acceleration * _scale(position)) ** 2
        after[0] = position + t * velocity
        after[0, :, 2:] = np.maximum(after[0, :, 2:], 1.0)
        after[1] = velocity
        after[2] = variance + 2 * t * covariance + t**2 * speed_variance + density * t**3 / 3
        after[3] = covariance + t * speed_variance + density * t**2 / 2
        after[4] = speed_variance + density * t
        return type(self)(after)

    def hold_size(self, rows: np.ndarray) -> Self:
        """Stop growth and shrinkage of the masked boxes (N,): extrapolated unseen, a size soon becomes absurd."""
        after = self.state.copy()
        after[1, rows, 2:] = 0.0
        return type(self)(after)

    def correct(self, rows: np.ndarray, xyxy: np.ndarray, noise: MotionNoise) -> Self:
        """Take what was detected, boxes (M, 4) in px, for the boxes of the index array `rows` (M,)."""
        position, velocity, variance, covariance, speed_variance = self.state[:, rows]
        total = variance + (noise.measurement * _scale(position)) ** 2
        gain, speed_gain = variance / total, covariance / total
        surprise = _from_xyxy(xyxy) - position
        after = self.state.copy()
        after[0, rows] = position + gain * surprise
        after[1, rows] = velocity + speed_gain * surprise
        after[2, rows] = variance * (1 - gain)
        after[3, rows] = covariance * (1 - gain)
        after[4, rows] = speed_variance - speed_gain * covariance
        return type(self)(after)


def _from_xyxy(xyxy: np.ndarray) -> np.ndarray:
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def _scale(position: np.ndarray) -> np.ndarray:
    sides = np.maximum(position[:, 2:], 1.0)
    return np.concatenate([sides, sides], axis=1)
