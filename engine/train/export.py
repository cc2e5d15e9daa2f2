"""Export of a run's model: `python -m engine.train.export --run-dir RUN --adapter DIR` (or `--merged DIR`).

It writes the policy that `--step` names: by default the best checkpoint by validation. stdout names the folder; stderr
says in a line each what stands in for a corrupt checkpoint, which step was written, and the run that it started from.
An error is one line, too, with the exit status of `engine.errors`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import CureError, RunError
from engine.machine.process_environment import claim_card
from engine.presets import load_config
from engine.printable import print_printable, printable
from engine.reward.mode import reward_words
from engine.runs.checkpoints import BEST, LAST, Checkpoint, exported_checkpoint
from engine.runs.folder import RunFolder
from engine.runs.lineage import ancestors


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.train.export", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True)
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--adapter", type=Path, metavar="DIR", help="LoRA adapter, as peft and vLLM read it")
    form.add_argument("--merged", type=Path, metavar="DIR", help="the whole model, with the adapter merged")
    parser.add_argument("--step", default=BEST, metavar=f"N|{BEST}|{LAST}", help="checkpoint to export")
    arguments = parser.parse_args(argv)
    claim_card()
    try:
        folder = RunFolder.open(arguments.run_dir)
        checkpoint = exported_checkpoint(folder.checkpoints, lambda text: _say(f"warning: {text}"), arguments.step)
        target = arguments.adapter or arguments.merged
        export(folder, checkpoint, target, merged=arguments.merged is not None)
    except CureError as error:
        _say(f"error: {error}")
        return error.exit_status
    origins = "".join(f", which started from {origin}" for origin in ancestors(folder.path))
    _say(f"policy after step {checkpoint.step} of run {folder.id}{origins}{_trained_with(folder)}")
    print(printable(str(target)))
    return 0


def _trained_with(folder: RunFolder) -> str:
    """Say where the run's rewards came from, if not from hidden tests alone."""
    reward = load_config(folder.config).reward
    words = reward_words(reward.labels, reward.anchors, reward.tester_supervision)
    return f", trained with {words}" if words else ""


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr)


def export(folder: RunFolder, checkpoint: Checkpoint, target: Path, *, merged: bool) -> None:
    """Write the policy of `checkpoint` atomically to `target`, a new or empty folder. Raises CureError."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RunError(f"{target} is not empty", "choose a new or empty folder")
    from engine.train.learners import export_policy

    aside = target.with_name(f".{target.name}.partial")
    with _writes(target):  # before the model is loaded
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
    try:
        export_policy(load_config(folder.config), checkpoint.path, aside, merged=merged)
        with _writes(target):
            aside.replace(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _writes(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RunError(f"cannot write to {target}: {reason}", "choose a writable folder with free space") from error


if __name__ == "__main__":
    print_printable()
    sys.exit(main())
