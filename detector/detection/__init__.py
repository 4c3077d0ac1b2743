"""FRAMES → DETECTIONS: vehicles (and persons) in single images; the door is `VehicleDetector`."""

from detector.detection.protocol import VehicleDetector
from detector.detection.vehicle_detector import DetectorSettings, OnnxVehicleDetector

__all__ = ["DetectorSettings", "OnnxVehicleDetector", "VehicleDetector"]
