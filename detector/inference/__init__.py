"""Runs ONNX files on what the machine really has; every model of the program goes through here."""

from detector.inference.batch import to_batch
from detector.inference.onnx_model import Device, Network, OnnxModel, count_gpus, settle

__all__ = ["Device", "Network", "OnnxModel", "count_gpus", "settle", "to_batch"]
