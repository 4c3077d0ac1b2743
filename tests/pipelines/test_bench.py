"""What a machine can carry follows from what a stage costs."""

import json
import time

import pytest
from typer.testing import CliRunner

from detector.errors import ConfigurationError
from pipelines import cli
from pipelines.bench import Capacity, Demand, StageCost, make_footage, time_each_ms


def test_cameras_follow_from_the_cost_of_one() -> None:
    """Eight cores, four fifths of them planned for, a camera that keeps half a core busy: twelve."""
    stages = (StageCost("decode", 4.0, 25.0), StageCost("detect", 50.0, 8.0))
    capacity = Capacity(stages, 8)
    assert capacity.cores_per_camera == pytest.approx(0.5)
    assert capacity.cameras == 12


def test_a_job_is_timed_by_what_it_does() -> None:
    """A job that does ten things in 10 ms takes at least a millisecond for each."""

    def job() -> int:
        time.sleep(0.01)
        return 10

    assert 1.0 <= time_each_ms(job, 2, 0.05) < 100.0


def test_the_footage_decodes_to_the_size_that_was_asked_for() -> None:
    """Two seconds of packets that begin with a key frame."""
    packets, image = make_footage(Demand(width_px=320, height_px=192, rate=5.0))
    assert (image.shape, len(packets)) == ((192, 320, 3), 10)
    assert packets[0].is_keyframe


def test_the_command_measures_with_the_real_models() -> None:
    """Every stage has a cost, and a small camera with little traffic is carried."""
    arguments = ["bench", "--size", "320x192", "--rate", "5", "--analysis-fps", "1", "--seconds", "0.1", "--json"]
    result = CliRunner().invoke(cli.make_app(["bench"]), arguments)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert [stage["name"] for stage in told["stages"]] == ["decode", "convert", "detect", "load", "plate"]
    assert all(stage["each_ms"] > 0 for stage in told["stages"])
    assert told["cameras"] >= 0


@pytest.mark.parametrize("size", ["1920", "0x0", "1920x10", "axb"])
def test_an_impossible_size_is_one_clear_line(size: str) -> None:
    """It names what was wrong."""
    result = CliRunner().invoke(cli.make_app(["bench"]), ["bench", "--size", size])
    assert isinstance(result.exception, ConfigurationError)
    assert size in str(result.exception)
