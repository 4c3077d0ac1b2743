"""Shared parts of the training scripts; needs the ``train`` extra (torch, ultralytics, onnx)."""
