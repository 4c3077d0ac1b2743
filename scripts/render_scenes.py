"""Renders labelled scenes of slag trucks (Blender's bpy; environment `.[synth]`, Python 3.11).

    python scripts/render_scenes.py stills --split train --count 1400
    python scripts/render_scenes.py stills --split val --count 300
    python scripts/render_scenes.py labels ~/.cache/roadwarden/renders/load_state/val
    python scripts/render_scenes.py surfaces ~/.cache/roadwarden/renders/load_state/train
    python scripts/render_scenes.py clip demo --output demo/demo.mp4
    python scripts/render_scenes.py clip rear --output tests/golden/rear.mp4
    python scripts/render_scenes.py scenes --count 150
    python scripts/render_scenes.py passes --count 12

Pictures go to ${ROADWARDEN_CACHE:-~/.cache/roadwarden}/renders unless --output names another place. Every command is
seeded and resumable. docs/rendering.md says what the labels mean and what a picture costs.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.synthesis.specs import STATES


def find_cache() -> Path:
    """Returns the folder for rendered pictures."""
    return Path(os.environ.get("ROADWARDEN_CACHE", Path.home() / ".cache" / "roadwarden")) / "renders"


def main() -> None:
    """Parses the command line and renders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    stills = commands.add_parser("stills", help="load-state stills, one truck each")
    stills.add_argument("--first", type=int, default=0, help="number of the first picture, to share the work")
    stills.add_argument("--state", choices=STATES, help="only the pictures among them that shall show this state")
    labels = commands.add_parser("labels", help="label rendered stills anew from their seeds, without rendering")
    labels.add_argument("folder", type=Path)
    surfaces = commands.add_parser("surfaces", help="map what lies where in rendered stills, without rendering")
    surfaces.add_argument("folder", type=Path)
    surfaces.add_argument("--first", type=int, default=0, help="number of the first picture, to share the work")
    surfaces.add_argument("--count", type=int, default=10**6)
    scenes = commands.add_parser("scenes", help="street stills with YOLO labels")
    for command, count, samples in ((stills, 1400, 2), (scenes, 150, 3)):
        command.add_argument("--split", choices=("train", "val"), default="train")
        command.add_argument("--count", type=int, default=count)
        command.add_argument("--samples", type=int, default=samples, help="paths per pixel")
        command.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
        command.add_argument("--output", type=Path, default=None)
    clip = commands.add_parser("clip", help="a film with truth for whole-pipeline tests")
    clip.add_argument("name", choices=("demo", "rear", "low"))
    clip.add_argument("--output", type=Path, required=True)
    clip.add_argument("--samples", type=int, default=2, help="paths per pixel of the vehicles")
    passes = commands.add_parser("passes", help="held-out films of traffic, to evaluate passes on")
    passes.add_argument("--count", type=int, default=12, help="films of five vehicles")
    passes.add_argument("--samples", type=int, default=2, help="paths per pixel of the vehicles")
    passes.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()
    if arguments.command == "stills":
        from scripts.synthesis.stills import draw_state, render_stills

        folder = arguments.output or find_cache() / "load_state" / arguments.split
        every = range(arguments.first, arguments.first + arguments.count)
        numbers = [n for n in every if arguments.state in (None, draw_state(n, arguments.split))]
        render_stills(folder, arguments.split, numbers, arguments.samples, arguments.seconds)
    elif arguments.command == "labels":
        from scripts.synthesis.stills import label_stills

        label_stills(arguments.folder)
    elif arguments.command == "surfaces":
        from scripts.synthesis.stills import map_stills

        map_stills(arguments.folder, range(arguments.first, arguments.first + arguments.count))
    elif arguments.command == "scenes":
        from scripts.synthesis.scenes import render_scenes

        folder = arguments.output or find_cache() / "scenes" / arguments.split
        render_scenes(folder, arguments.split, arguments.count, arguments.samples, arguments.seconds)
    elif arguments.command == "passes":
        from scripts.synthesis.passes import render_passes

        cache = find_cache() / "layers"
        render_passes(arguments.output or find_cache() / "passes", arguments.count, arguments.samples, cache)
    else:
        from scripts.synthesis.clips import render_clip

        render_clip(arguments.name, arguments.output, arguments.samples, find_cache() / "clips" / arguments.name)


if __name__ == "__main__":
    main()
