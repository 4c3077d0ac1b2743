"""The plate reader's network: convolutions, one look around, then eight queries that each find their character.

One network reads one and two rows: where a slot's character stands is learned, not cut.
"""

import torch
from torch import nn


def _conv(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        """Keep the number of channels."""
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) → the same shape."""
        return torch.relu(x + self.second(self.first(x)))


class ReaderNet(nn.Module):
    """Crops → character and colour scores.

    The crop is standardised by its own mean and deviation, so that exposure hardly matters; the ratios of the colour
    channels stay.
    """

    def __init__(self, characters: int, colours: int, slots: int = 8, width: int = 96) -> None:
        """Build an untrained network.

        Args:
            characters: classes of a slot, the blank at 0 included.
            colours: classes of the ground colour.
            slots: the most characters that a plate can have.
            width: channels of the last stage.
        """
        super().__init__()
        self.body = nn.Sequential(_conv(3, 32, 2), _conv(32, 48, 2), Residual(48), _conv(48, width, 2), Residual(width))
        self.position = nn.Parameter(torch.randn(1, 8 * 24, width) * 0.02)
        self.around = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True)
        self.queries = nn.Parameter(torch.randn(1, slots, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.find = nn.MultiheadAttention(width, 4, batch_first=True)
        self.name = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, characters))
        self.colour = nn.Linear(width, colours)

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, 64, 192) float RGB of any scale → scores (B, slots, characters) and (B, colours)."""
        mean = crops.mean(dim=(1, 2, 3), keepdim=True)
        deviation = (crops - mean).pow(2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
        features = self.body((crops - mean) / (deviation + 1e-3))
        tokens = features.flatten(2).transpose(1, 2)
        seen = self.around(tokens + self.position)
        keys = self.norm(seen)
        found, _ = self.find(self.queries.expand(len(crops), -1, -1), keys + self.position, keys, need_weights=False)
        return self.name(found + self.queries), self.colour(tokens.mean(dim=1))
