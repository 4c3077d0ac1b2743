"""The plate reader's network: convolutions, a wider look around, then eight slots that each find their character.

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


class Find(nn.Module):
    """Each slot looks for its character: attention of learned queries, led by where characters usually stand.

    Half of the heads start at the places of one row, half at those of two rows; training moves them. Without this
    start the attention stayed blind for the first thousand steps.
    """

    def __init__(self, width: int, slots: int, grid: tuple[int, int], heads: int = 4) -> None:
        """Build it for tokens that lie on a grid of (rows, columns)."""
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.queries = nn.Parameter(torch.randn(heads, slots, self.size) * 0.02)
        self.keys, self.values, self.out = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        one, two = self._prior(slots, grid, rows=1), self._prior(slots, grid, rows=2)
        self.bias = nn.Parameter(torch.stack([one, two] * (heads // 2)))

    @staticmethod
    def _prior(slots: int, grid: tuple[int, int], rows: int) -> torch.Tensor:
        """Log weights (slots, tokens): a bump around the usual centre of each slot's character (GA 36, in shares)."""
        y = ((torch.arange(grid[0]) + 0.5) / grid[0])[:, None]
        x = ((torch.arange(grid[1]) + 0.5) / grid[1])[None]
        bumps = []
        for slot in range(slots):
            if rows == 1:
                centre_x, centre_y, spread_y = (slot + 0.6) / 7.6, 0.5, 0.3
            elif slot < 2:
                centre_x, centre_y, spread_y = (150 + 140 * slot) / 440, 0.25, 0.12
            else:
                centre_x, centre_y, spread_y = (60 + 80 * (slot - 2)) / 440, 0.65, 0.2
            bumps.append((-((x - centre_x) ** 2) / (2 * 0.06**2) - (y - centre_y) ** 2 / (2 * spread_y**2)).flatten())
        return torch.stack(bumps).clamp(min=-6)

    def forward(self, places: torch.Tensor, contents: torch.Tensor) -> torch.Tensor:
        """Tokens (B, T, width) as keys and as values → (B, slots, width)."""
        keys = self.keys(places).unflatten(2, (self.heads, self.size))
        values = self.values(contents).unflatten(2, (self.heads, self.size))
        scores = torch.einsum("hsd,bthd->bhst", self.queries, keys) * self.size**-0.5 + self.bias
        found = torch.einsum("bhst,bthd->bshd", scores.softmax(dim=-1), values)
        return self.out(found.flatten(2))


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
        self.around = nn.Sequential(
            _conv(width, width, 2), Residual(width), nn.Upsample(scale_factor=2.0, mode="nearest")
        )
        self.whole = nn.Linear(width, width)
        self.position = nn.Parameter(torch.randn(1, 8 * 24, width) * 0.02)
        self.slot = nn.Parameter(torch.randn(1, slots, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.find = Find(width, slots, (8, 24))
        self.name = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, characters))
        self.colour = nn.Linear(width, colours)

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, 64, 192) float RGB of any scale → scores (B, slots, characters) and (B, colours)."""
        mean = crops.mean(dim=(1, 2, 3), keepdim=True)
        deviation = (crops - mean).pow(2).mean(dim=(1, 2, 3), keepdim=True).sqrt()
        features = self.body((crops - mean) / (deviation + 1e-3))
        tokens = features.flatten(2).transpose(1, 2)
        whole = tokens.mean(dim=1)
        around = self.around(features).flatten(2).transpose(1, 2)
        places = self.norm(tokens + around + self.position + self.whole(whole)[:, None])
        found = self.find(places, tokens + around)
        return self.name(found + self.slot), self.colour(whole)
