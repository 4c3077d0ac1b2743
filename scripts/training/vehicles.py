"""The vehicle detector's data, training, export and measurement.

Import this module only after the script has set the environment: ultralytics reads it when it is imported.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
import yaml
from ultralytics import YOLO
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.nn.tasks import DetectionModel, load_checkpoint
from ultralytics.utils import DEFAULT_CFG_DICT
from ultralytics.utils.torch_utils import strip_optimizer

from scripts.training.onnx_weights import restore_normalisation
from scripts.training.precision import mixed_on_cpu

CLASS_NAMES = ("car", "bus", "truck", "motorcycle", "person")
SETS = ("highway-id", "openimages-vehicles", "road-cameras")
REPEATED = ("highway-id", "openimages-vehicles", "own")


def link_sets(data: Path | None, renders: Path | None, own: Path | None, cache: Path) -> dict[str, Path]:
    """Mirrors the read-only sets in the cache: images linked, labels copied, since ultralytics writes beside labels.

    All ``train`` parts and the rendered stills become one folder; each ``val`` part stays apart, so that it is
    measured apart. Photographs with a truck are listed twice (`REPEATED`): cars outnumber them seven to one.

    Args:
        data: folder that holds the sets of `SETS`, each with ``{train,val}/{images,labels}`` in YOLO form; None
            trains without them.
        renders: folder of rendered stills with ``labels.jsonl``; None trains without them.
        own: one more set, of the form that `roadwarden labels import` writes; None for none.
        cache: folder that is emptied and written.

    Returns:
        One data set description (a YAML path) a set. All share the training part; ``val`` is that set's own.

    Raises:
        FileNotFoundError: where an image has no label file.
    """
    shutil.rmtree(cache, ignore_errors=True)
    sets = {name: data / name for name in SETS} if data is not None else {}
    if own is not None:
        sets["own"] = own
    descriptions = {}
    for name, source in sets.items():
        for part, folder in (("train", cache / "train"), ("val", cache / f"val-{name}")):
            link_part(source / part, folder, name, part == "train" and name in REPEATED)
        description = {
            "path": str(cache),
            "train": "train/images",
            "val": f"val-{name}/images",
            "names": dict(enumerate(CLASS_NAMES)),
        }
        descriptions[name] = cache / f"{name}.yaml"
        descriptions[name].write_text(yaml.safe_dump(description))
    if renders is not None:
        link_renders(renders, cache / "train")
    return descriptions


def link_part(source: Path, folder: Path, name: str, repeats_trucks: bool) -> None:
    """Mirrors one part of one set; pictures with a truck twice where asked."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    for image in sorted((source / "images").iterdir()):
        label = (source / "labels" / f"{image.stem}.txt").read_text()
        has_truck = any(row.startswith("2 ") for row in label.splitlines())
        for prefix in (name, f"again-{name}") if repeats_trucks and has_truck else (name,):
            (folder / "images" / f"{prefix}-{image.name}").symlink_to(image.resolve())
            (folder / "labels" / f"{prefix}-{image.stem}.txt").write_text(label)


def link_renders(renders: Path, folder: Path) -> None:
    """Adds rendered stills, whose every vehicle is labelled: tippers and their look-alikes as trucks."""
    for line in (renders / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        image = renders / record["image"]
        height, width = cv2.imread(str(image)).shape[:2]
        rows = []
        for vehicle in record["vehicles"]:
            x1, y1, x2, y2 = np.array(vehicle["box_xyxy"]) / (width, height, width, height)
            class_id = CLASS_NAMES.index(vehicle["kind"] if vehicle["kind"] in CLASS_NAMES else "truck")
            rows.append(f"{class_id} {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}")
        (folder / "images" / f"render-{image.name}").symlink_to(image)
        (folder / "labels" / f"render-{image.stem}.txt").write_text("\n".join(rows) + "\n")


def read_images(folder: Path, count: int) -> Iterator[torch.Tensor]:
    """The first ``count`` images of a seeded order, as (1, 3, 640, 640) RGB in 0..1, stretched."""
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for index in np.random.default_rng(7).permutation(len(paths))[:count]:
        image = cv2.resize(cv2.imread(str(paths[index])), (640, 640))[:, :, ::-1]
        yield torch.from_numpy(image.transpose(2, 0, 1).copy()).float()[None] / 255


def carry_over(coco: Path, images: Path, output: Path) -> Path:
    """Narrows the 80-class COCO model to our five classes, keeping its class rows, and saves it as a checkpoint.

    The class branch keeps its COCO width (80 hidden channels) and its rows for car, bus, truck, motorcycle and person
    are copied by name, so that the result detects before any training.

    Args:
        coco: the COCO checkpoint.
        images: folder of training images, on 96 of which normalisation is measured.
        output: checkpoint to write.

    Returns:
        ``output``.
    """
    source, checkpoint = load_checkpoint(coco)
    model = DetectionModel(source.yaml, nc=len(CLASS_NAMES), verbose=False)
    model.names = dict(enumerate(CLASS_NAMES))
    model.load(source, verbose=False)
    by_name = {name: index for index, name in source.names.items()}
    rows = [by_name[name] for name in CLASS_NAMES]
    for ours, theirs in zip(model.model[-1].cv3, source.model[-1].cv3, strict=True):
        if not torch.equal(ours[-1].weight, theirs[-1].weight[rows]):
            raise RuntimeError("the class rows of the COCO head were not carried over")
    restore_normalisation(model, read_images(images, 96))
    model.args = dict(source.args)
    model.task = "detect"
    output.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": model, "train_args": checkpoint.get("train_args", {}), "epoch": -1}, output)
    return output


def take_up(exported: Path, images: Path, output: Path) -> Path:
    """Turns shipped ONNX weights back into a checkpoint that can be trained on.

    An export has normalisation folded into the convolutions, as our COCO weights have: it is split off again.

    Args:
        exported: ONNX file that `export` wrote.
        images: folder of training images, on 96 of which normalisation is measured.
        output: checkpoint to write.

    Returns:
        ``output``.

    Raises:
        RuntimeError: where the file lacks a convolution of the network, or has one of another shape.
    """
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(exported).graph.initializer}
    model = DetectionModel("yolo11n.yaml", nc=len(CLASS_NAMES), verbose=False)
    model.load(DetectionModel("yolo11n.yaml", verbose=False), verbose=False)  # the class branch keeps its COCO width
    model.names = dict(enumerate(CLASS_NAMES))
    with torch.no_grad():
        for name, layer in model.named_modules():
            if not isinstance(layer, torch.nn.Conv2d):
                continue
            weight = stored.get(f"{name}.weight", stored.get(f"{name}.weight__half"))
            if weight is None or weight.shape != tuple(layer.weight.shape):
                raise RuntimeError(f"{exported}: no convolution {name} of shape {tuple(layer.weight.shape)}")
            layer.weight.copy_(torch.from_numpy(weight.astype(np.float32)))
            if layer.bias is not None:
                layer.bias.copy_(torch.from_numpy(stored[f"{name}.bias"].astype(np.float32)))
            elif f"{name}.bias" in stored:
                normalisation = model.get_submodule(f"{name.removesuffix('.conv')}.bn")
                normalisation.weight.fill_((1 + normalisation.eps) ** 0.5)
                normalisation.bias.copy_(torch.from_numpy(stored[f"{name}.bias"].astype(np.float32)))
    restore_normalisation(model, read_images(images, 96))
    model.args = dict(DEFAULT_CFG_DICT)
    model.task = "detect"
    output.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": model, "train_args": {}, "epoch": -1}, output)
    return output


class MixedPrecisionTrainer(DetectionTrainer):
    """The ultralytics trainer, with bfloat16 on CPUs that have it, which it allows on CUDA alone.

    Measured on one core of an AMD EPYC at 640 px: 0.20 instead of 0.33 s an image. The network alone runs so: in the
    loss, 8 bits of mantissa would round box edges to a quarter of a cell and worse.
    """

    def check_resume(self, overrides: dict[str, Any]) -> None:
        """Lets a resumed run be shortened: the learning rate then follows the shorter schedule from here on."""
        super().check_resume(overrides)
        if self.resume:
            self.args.epochs = overrides["epochs"]

    def validate(self) -> tuple[dict[str, float], float]:
        """Skips validation: nothing is chosen by it, and `average_precision` measures afterwards."""
        return {}, 0.0

    def final_eval(self) -> None:
        """Only marks the last checkpoint as finished and drops the optimiser from it."""
        strip_optimizer(self.last)

    def _setup_train(self) -> None:
        super()._setup_train()
        if self.device.type != "cpu":
            return
        predict = self.model.predict

        def predict_mixed(*arguments: Any, **options: Any) -> Any:
            with mixed_on_cpu():
                outputs = predict(*arguments, **options)
            return _as_float(outputs)

        self.model.predict = predict_mixed  # of the trained model alone; the averaged one that is saved has none


def _as_float(outputs: Any) -> Any:
    if isinstance(outputs, torch.Tensor):
        return outputs.float()
    if isinstance(outputs, dict):
        return {key: _as_float(value) for key, value in outputs.items()}
    return type(outputs)(_as_float(value) for value in outputs)


def train(start: Path, description: Path, run: Path, settings: dict[str, Any]) -> Path:
    """Fine-tunes; continues from ``run/weights/last.pt`` where a run was broken off.

    The checkpoint of the last epoch is taken, not that of the best validation score: ``val`` only measures.

    Args:
        start: checkpoint to start from.
        description: data set YAML.
        run: folder of this run; its checkpoints are written every epoch.
        settings: arguments of the ultralytics trainer (epochs, imgsz, ...); of a run that continues, epochs alone.

    Returns:
        The last checkpoint.
    """
    last = run / "weights" / "last.pt"
    if last.exists() and torch.load(last, map_location="cpu", weights_only=False)["epoch"] == -1:
        return last  # ultralytics marks a finished run so
    if last.exists():
        overrides = {"model": str(last), "resume": str(last), "epochs": settings["epochs"]}
    else:
        overrides = {
            "model": str(start), "data": str(description), "project": str(run.parent), "name": run.name,
            "exist_ok": True, "val": False, "plots": False, **settings,
        }  # fmt: skip
    MixedPrecisionTrainer(overrides=overrides).train()
    return last


def export(checkpoint: Path, output: Path, images: Path, opset: int = 17) -> float:
    """Exports to ONNX with free batch, height and width and without suppression, and checks it against PyTorch.

    Args:
        checkpoint: trained checkpoint.
        output: ONNX file to write: ``images`` (N, 3, H, W) RGB in 0..1, H and W multiples of 32, to ``output0``
            (N, 4 + classes, anchors): centre, width and height in input pixels, then class probabilities.
        images: folder of pictures to compare on.
        opset: ONNX operator set; 17 runs on every onnxruntime since 1.13.

    Returns:
        The largest difference of a class probability between PyTorch and ONNX over two shapes.

    Raises:
        RuntimeError: where a probability differs by more than 0.001 or a coordinate by more than 0.1 px.
    """
    import onnxruntime

    model = YOLO(checkpoint)
    written = model.export(format="onnx", dynamic=True, simplify=True, opset=opset, nms=False, device="cpu")
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(written, output)
    session = onnxruntime.InferenceSession(output, providers=["CPUExecutionProvider"])
    torch_model = load_checkpoint(checkpoint)[0].eval()
    largest = 0.0
    pictures = torch.cat(list(read_images(images, 3)))
    for batch in (pictures[:1], pictures[:, :, :384]):
        with torch.no_grad():
            expected = torch_model(batch)[0].numpy()
        (found,) = session.run(None, {session.get_inputs()[0].name: batch.contiguous().numpy()})
        difference = np.abs(found - expected)
        if difference[:, :4].max() > 0.1 or difference[:, 4:].max() > 0.001:
            raise RuntimeError(f"ONNX differs from PyTorch at {tuple(batch.shape)}: {difference.max()}")
        largest = max(largest, float(difference[:, 4:].max()))
    return largest


def average_precision(checkpoint: Path, descriptions: dict[str, Path], scratch: Path) -> dict[str, dict[str, float]]:
    """AP50 by class on the ``val`` part of every set, by ultralytics' validator (confidence from 0.001, NMS at 0.7).

    Args:
        checkpoint: PyTorch or ONNX weights.
        descriptions: data set YAMLs by set name.
        scratch: folder for what the validator writes.

    Returns:
        By set, AP50 by class name; a class without a labelled box in the set is left out.
    """
    scores = {}
    for name, description in descriptions.items():
        metrics = YOLO(checkpoint, task="detect").val(
            data=str(description), imgsz=640, batch=8, plots=False, verbose=False, device="cpu",
            project=str(scratch), name=name, exist_ok=True,
        )  # fmt: skip
        found = zip(metrics.box.ap_class_index, metrics.box.ap50, strict=True)
        scores[name] = {CLASS_NAMES[int(index)]: round(float(ap), 4) for index, ap in found}
    return scores
