"""The plate detector's network: the vehicle detector's backbone (YOLO11n), a light pyramid to stride 8, a point head.

AGPL-3.0, as the backbone's weights are. Import only in scripts: torch and ultralytics.
"""

from pathlib import Path

import torch
from torch import nn
from ultralytics.nn.modules import Conv
from ultralytics.nn.tasks import load_checkpoint

BACKBONE_LAYERS = 10  # up to and with SPPF
FROZEN_LAYERS = 5  # edges and textures up to stride 8: known already, and their gradients are half of the cost
TAPS = {4: 128, 6: 128, 9: 256}  # layer → channels, at strides 8, 16, 32


class DetectorNet(nn.Module):
    """Picture → per cell of 8 px: plate centre, two rows, four corners.

    The corners are offsets from the cell's centre in px, as upper left, upper right, lower right, lower left.
    """

    def __init__(self, weights: Path, channels: int = 64) -> None:
        """Take the backbone out of a YOLO11n checkpoint."""
        super().__init__()
        yolo, _ = load_checkpoint(str(weights))
        self.backbone = nn.ModuleList(yolo.model[:BACKBONE_LAYERS])
        for i, layer in enumerate(self.backbone):
            layer.requires_grad_(i >= FROZEN_LAYERS)
        self.lateral = nn.ModuleDict({str(i): Conv(c, channels, 1) for i, c in TAPS.items()})
        self.merge = nn.ModuleDict({"6": Conv(channels, channels, 3), "4": Conv(channels, channels, 3)})
        self.point = nn.Sequential(Conv(channels, channels, 3), nn.Conv2d(channels, 2, 1))
        self.corners = nn.Sequential(Conv(channels, channels, 3), nn.Conv2d(channels, 8, 1))
        self.up = nn.Upsample(scale_factor=2.0, mode="nearest")
        nn.init.constant_(self.point[1].bias, -4.0)
        nn.init.normal_(self.corners[1].weight, std=0.05)

    def train(self, mode: bool = True) -> "DetectorNet":
        """Switch between training and use; the frozen layers always stay in use."""
        super().train(mode)
        for layer in self.backbone[:FROZEN_LAYERS]:
            layer.eval()
        return self

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, H, W) float RGB in 0 to 1 → scores (B, 2, H/8, W/8): centre, two rows; corners (B, 8, H/8, W/8) px."""
        taps = {}
        x = pictures
        for i, layer in enumerate(self.backbone):
            with torch.set_grad_enabled(torch.is_grad_enabled() and i >= FROZEN_LAYERS):
                x = layer(x)
            if i in TAPS:
                taps[i] = self.lateral[str(i)](x)
        x = self.merge["6"](taps[6] + self.up(taps[9]))
        x = self.merge["4"](taps[4] + self.up(x))
        return self.point(x), self.corners(x) * 32.0
