"""The `roadwarden` command as a user meets it, run in this process: a new one takes seconds to import what it needs.

What only a process of its own can show (start-up, signals, being killed) is tested with one, where that is tested.
"""

import contextlib
import io
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from pipelines import cli

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Done:
    """What a command left behind when it ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: object, home: Path, **environment: str) -> Done:
    """Run `roadwarden ARGUMENTS` from the folder `home`, with its state in `home`/var, as the program's own door does.

    An exception that no door turns into a line passes through: where a user would see a traceback, the test fails. As a
    process does, it ends when the models that nobody waited for are open: those of many commands at once have crashed
    onnxruntime.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    variables = {"ROADWARDEN_HOME": str(home / "var"), **environment}
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch.object(sys, "argv", ["roadwarden", *map(str, arguments)]),
        contextlib.chdir(home),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = _exit_code()
        for thread in threading.enumerate():
            if thread.name.startswith("models"):
                thread.join()
    return Done(code, _read(out), _read(err))


def _exit_code() -> int:
    try:
        cli.main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    return 0


def _read(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
