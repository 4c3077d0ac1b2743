"""Joins ONNX files of different networks that answer the same question: one file that gives the mean of their answers.

    python scripts/join_weights.py weights/load_state.onnx detector.onnx:0.6 imagenet.onnx:0.4
    python scripts/join_weights.py --split weights/load_state.onnx FOLDER

Networks that learnt from different starts err differently, so that their mean errs less (Hansen and Salamon, "Neural
network ensembles", 1990); it costs the time of all of them. Whoever runs the file need not know of it. `--split` takes
a joined file apart again, into FOLDER/0.onnx and so on, for training to go on from. `mix_weights.py` is for versions of
one network. Needs the `train` extra.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import compose, helper, numpy_helper
from onnx.utils import Extractor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.mix_weights import read_share  # noqa: E402  the repository's own packages must be found first
from scripts.store_half_weights import run_random  # noqa: E402

TOLERANCE = 1e-3  # of logits


def prefix(part: int) -> str:
    """What the names of a part's constants and layers begin with."""
    return f"part{part}."


def join(parts: list[tuple[Path, float]]) -> onnx.ModelProto:
    """One network whose outputs are the weighted means of those of all parts.

    Args:
        parts: files with the same inputs and outputs, and their shares, which must add up to 1.

    Raises:
        ValueError: the shares add up to something else, or inputs or outputs differ.
    """
    if abs(sum(share for _, share in parts) - 1) > 1e-6:
        raise ValueError("the shares must add up to 1")
    joined = onnx.load(parts[0][0])
    inputs, outputs = list(joined.graph.input), list(joined.graph.output)
    nodes, constants = [], []
    for number, (path, share) in enumerate(parts):
        model = onnx.load(path)
        if list(model.graph.input) != inputs or list(model.graph.output) != outputs:
            raise ValueError(f"{path}: other inputs or outputs than {parts[0][0]}")
        graph = compose.add_prefix(model, prefix(number), rename_inputs=False).graph
        nodes += graph.node
        constants += [*graph.initializer, numpy_helper.from_array(np.float32(share), f"share{number}")]
    for output in outputs:
        weighted = [f"{prefix(number)}{output.name}.weighted" for number in range(len(parts))]
        for number, name in enumerate(weighted):
            nodes.append(helper.make_node("Mul", [f"{prefix(number)}{output.name}", f"share{number}"], [name]))
        nodes.append(helper.make_node("Sum", weighted, [output.name]))
    del joined.graph.node[:], joined.graph.initializer[:], joined.graph.value_info[:]
    joined.graph.node.extend(nodes)
    joined.graph.initializer.extend(constants)
    onnx.checker.check_model(joined)
    return joined


def split(joined: onnx.ModelProto) -> list[tuple[onnx.ModelProto, float]]:
    """The parts of a joined network with their shares, their constants and outputs under their own names again."""
    shares = {c.name: float(numpy_helper.to_array(c)) for c in joined.graph.initializer if c.name.startswith("share")}
    inputs, outputs = [i.name for i in joined.graph.input], [o.name for o in joined.graph.output]
    typed = onnx.shape_inference.infer_shapes(joined)
    parts = []
    for number, share in enumerate(shares.values()):
        begin = prefix(number)
        part = Extractor(typed).extract_model(inputs, [begin + name for name in outputs])
        del part.graph.value_info[:]
        for names in (*(n.input for n in part.graph.node), *(n.output for n in part.graph.node)):
            names[:] = [name.removeprefix(begin) for name in names]
        for named in (*part.graph.node, *part.graph.initializer, *part.graph.output):
            named.name = named.name.removeprefix(begin)
        onnx.checker.check_model(part)
        parts.append((part, share))
    return parts


def main() -> None:
    """Parse the command line, write the file or files, and check them against each other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", action="store_true", help="take the first file apart into the folder")
    parser.add_argument("output", type=Path, help="the joined file")
    parser.add_argument("parts", nargs="+", metavar="FILE:SHARE", help="what it is made of; with --split a folder")
    arguments = parser.parse_args()
    if arguments.split:
        folder = Path(arguments.parts[0])
        folder.mkdir(parents=True, exist_ok=True)
        parts = []
        for number, (part, share) in enumerate(split(onnx.load(arguments.output))):
            parts.append((folder / f"{number}.onnx", share))
            onnx.save(part, parts[-1][0])
    else:
        parts = [read_share(part) for part in arguments.parts]
        onnx.save(join(parts), arguments.output)
    answers = [[share * output for output in run_random(path)] for path, share in parts]
    means = [sum(outputs) for outputs in zip(*answers, strict=True)]
    worst = max(float(np.abs(a - b).max()) for a, b in zip(run_random(arguments.output), means, strict=True))
    print(f"{arguments.output}: {' + '.join(f'{share:g} {path}' for path, share in parts)}, off by at most {worst:.1e}")
    if worst > TOLERANCE:
        sys.exit(f"{arguments.output}: answers otherwise than its parts")


if __name__ == "__main__":
    main()
