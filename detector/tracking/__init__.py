"""DETECTIONS → TRACKS: follows vehicles over time, one tracker a camera; the door is `Tracker`."""

from detector.tracking.byte_track import ByteTracker, ByteTrackSettings
from detector.tracking.protocol import Tracker

__all__ = ["ByteTrackSettings", "ByteTracker", "Tracker"]
