"""The precision that training computes in on a processor."""

from __future__ import annotations

import torch


def mixed_on_cpu() -> torch.autocast:
    """A context of bfloat16 where the processor computes it, of 32 bits elsewhere.

    On an AMD EPYC with AVX-512 bfloat16 halves the time; on one with AVX2 alone PyTorch falls back to scalar loops:
    a step of the vehicle detector took 150 s.
    """
    supported = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # there is no public name for it
    return torch.autocast("cpu", torch.bfloat16, enabled=supported)
