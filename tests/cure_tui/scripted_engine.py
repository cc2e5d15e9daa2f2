"""Stub of `engine.train` for tests of the command line: real run folder, journal and lock, no model.

A run's description chooses its behaviour: "finish", "stop", "wait" (until SIGTERM), "deaf" (to SIGTERM), "fail",
"crash" or "die"; one that begins with "foreign" is said in every line. A resumed run finishes, by its steps where it
gets new limits. Its sandbox is of level A, or D where the run allows that.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np

from engine.errors import CureError, DataError, RunError
from engine.evaluation.metrics import summarise
from engine.evaluation.results import TaskResult
from engine.evaluation.summary import EvalSummary, UtBasis
from engine.machine.toml_text import dump_toml
from engine.presets import load_config
from engine.reward.pass_matrix import PassMatrix
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.runs.listing import read_state


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    folder = RunFolder.open(arguments.run_dir)
    try:
        resume = folder.journal.exists()
        with folder.lock(), JournalWriter(folder.journal) as journal:
            return play(folder, journal, arguments.set, resume=resume)
    except CureError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status


def play(folder: RunFolder, journal: JournalWriter, new_limits: list[str], *, resume: bool) -> int:
    config = load_config(folder.config, new_limits)
    act = "finish" if resume else config.description
    stopped = threading.Event()
    if act == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    done = 1
    if resume:
        done = read_state(folder.journal).step
        if new_limits:
            folder.write_config(dump_toml(config))
        journal.resumed(from_step=done + 1, steps=config.run.steps)
    else:
        journal.run_started(preset=config.name, steps=config.run.steps, seed=config.run.seed)
        letter = "D" if config.sandbox.allow_unconfined else "A"
        journal.sandbox(letter=letter, summary=f"as {letter} is", reasons=(), remedy="" if letter == "A" else "mend it")
        journal.evaluation(0, split="heldout", when="start", summary=summary(0.5).to_json())
        journal.step_finished(1, {"code_accuracy": 0.5, "mu": -0.1, "tokens_per_second": 1000.0})
    if act.startswith("foreign"):
        journal.phase_started(2, f"sample{act}", 3, act)
        journal.notice(act, level="warning")
        journal.run_failed(1, error=act, remedy=act)
        print(act, file=sys.stderr)
        return RunError.exit_status
    if act == "fail":
        fault = DataError("tasks.jsonl: record 3: no tests", "give it tests")
        journal.run_failed(1, error=fault.message, remedy=fault.remedy)
        return fault.exit_status
    if act == "crash":
        raise ZeroDivisionError("a defect")
    if act == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if act in ("wait", "deaf"):
        journal.notice("waiting")
        stopped.wait()
    if act in ("wait", "deaf", "stop"):
        journal.run_stopped(1, "asked to")
        return 0
    last = config.run.steps if new_limits else 2
    for step in range(done + 1, last + 1):
        journal.step_finished(step, {"code_accuracy": 0.75, "mu": 0.2, "tokens_per_second": 1000.0})
    journal.evaluation(last, split="heldout", when="end", summary=summary(0.75).to_json())
    journal.run_finished(last, {}, f"all {last} steps done")
    return 0


def summary(accuracy: float) -> EvalSummary:
    """Return the summary of one task with four programs, `accuracy` of them right, and four right tests."""
    right_n = np.arange(4) < accuracy * 4
    verdicts_nm = np.repeat(right_n[:, None], 4, axis=1)
    result = TaskResult(
        task_id="task",
        matrix=PassMatrix(truth_nt=verdicts_nm, generated_nm=verdicts_nm),
        test_right_m=np.ones(4, dtype=bool),
        test_judged_m=np.ones(4, dtype=bool),
        test_valid_m=None,
        ut_basis=UtBasis.OWN_CORRECT,
        programs=("pass",) * 4,
        test_inputs=tuple("1234"),
        test_outputs=tuple("1234"),
        coder_lengths_n=np.full(4, 30),
        tester_lengths_m=np.full(4, 40),
    )
    return summarise([result], bon_sizes=((4, 4),))


if __name__ == "__main__":
    sys.exit(main())
