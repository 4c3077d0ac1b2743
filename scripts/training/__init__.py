"""Shared parts of the training scripts; needs the ``train`` extra (torch, ultralytics, onnx)."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime would report to Microsoft
