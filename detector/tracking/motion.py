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
    """States of N boxes; every array is (N, 4) float64 over centre x, centre y, width, height.

    Attributes:
        position: px.
        velocity: px/s.
        variance: of position, px².
        covariance: of position and velocity, px²/s.
        speed_variance: of velocity, px²/s².
    """

    position: np.ndarray
    velocity: np.ndarray
    variance: np.ndarray
    covariance: np.ndarray
    speed_variance: np.ndarray

    @classmethod
    def start(cls, xyxy: np.ndarray, noise: MotionNoise) -> Self:
        """New boxes (N, 4) in px, standing still as far as anybody knows."""
        position = _from_xyxy(xyxy)
        scale = _scale(position)
        zero = np.zeros_like(position)
        return cls(position, zero, (noise.measurement * scale) ** 2, zero, (noise.start_speed * scale) ** 2)

    def __len__(self) -> int:
        """Number of boxes."""
        return len(self.position)

    @property
    def xyxy(self) -> np.ndarray:
        """The boxes as (N, 4) in px."""
        half = self.position[:, 2:] / 2
        return np.concatenate([self.position[:, :2] - half, self.position[:, :2] + half], axis=1)

    def where(self, rows: np.ndarray) -> Self:
        """The boxes of a boolean mask (N,) or an index array."""
        return type(self)(*(getattr(self, name)[rows] for name in self.__slots__))

    def join(self, other: Self) -> Self:
        """These boxes followed by others."""
        return type(self)(*(np.concatenate([getattr(self, n), getattr(other, n)]) for n in self.__slots__))

    def predict(self, elapsed_s: float, noise: MotionNoise) -> Self:
        """The boxes after some time; none shrinks below 1 px."""
        t = elapsed_s
        density = (noise.acceleration * _scale(self.position)) ** 2
        position = self.position + t * self.velocity
        position[:, 2:] = np.maximum(position[:, 2:], 1.0)
        return type(self)(
            position,
            self.velocity,
            self.variance + 2 * t * self.covariance + t**2 * self.speed_variance + density * t**3 / 3,
            self.covariance + t * self.speed_variance + density * t**2 / 2,
            self.speed_variance + density * t,
        )

    def hold_size(self, rows: np.ndarray) -> Self:
        """Stop growth and shrinkage of the masked boxes (N,): extrapolated unseen, a size soon becomes absurd."""
        velocity = self.velocity.copy()
        velocity[rows, 2:] = 0.0
        return type(self)(self.position, velocity, self.variance, self.covariance, self.speed_variance)

    def correct(self, rows: np.ndarray, xyxy: np.ndarray, noise: MotionNoise) -> Self:
        """Take what was detected, boxes (M, 4) in px, for the boxes of the index array `rows` (M,)."""
        prior = self.where(rows)
        total = prior.variance + (noise.measurement * _scale(prior.position)) ** 2
        gain, speed_gain = prior.variance / total, prior.covariance / total
        surprise = _from_xyxy(xyxy) - prior.position
        posterior = (
            prior.position + gain * surprise,
            prior.velocity + speed_gain * surprise,
            prior.variance * (1 - gain),
            prior.covariance * (1 - gain),
            prior.speed_variance - speed_gain * prior.covariance,
        )
        arrays = [getattr(self, name).copy() for name in self.__slots__]
        for array, values in zip(arrays, posterior, strict=True):
            array[rows] = values
        return type(self)(*arrays)


def _from_xyxy(xyxy: np.ndarray) -> np.ndarray:
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def _scale(position: np.ndarray) -> np.ndarray:
    return np.tile(np.maximum(position[:, 2:], 1.0), 2)
