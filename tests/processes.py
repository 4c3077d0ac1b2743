"""Processes of their own for what tests do in several at once."""

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
"""One process imports what all of them need, and each of them begins as its copy: importing takes seconds."""

PROCESSES.set_forkserver_preload(
    ["detector.cases.life_cycle", "detector.cases.store", "detector.database.engine", "detector.evidence.package",
     "pipelines.commands.dispatch", "tests.evidence_worker"]
)  # fmt: skip
