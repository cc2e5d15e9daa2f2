"""Process of the engine: `python -m engine.train --run-dir DIR` trains DIR/config.toml or resumes it.

It holds the run folder's lock while it lives: one engine per run. SIGTERM and SIGINT end it at the next phase boundary,
with a checkpoint. Exit status: 0 if finished or stopped on request, otherwise that of the error (see `engine.errors`),
which is also the last event of the journal. `--set` gives a run new limits when it is resumed and writes them into its
config.toml.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engine.config import RewardConfig
from engine.errors import CureError, RunError
from engine.machine.process_environment import claim_card
from engine.machine.process_memory import grows_without_cycles, keep_freed_memory
from engine.machine.threads import sleep_at_barriers
from engine.presets import load_config
from engine.printable import print_printable, printable
from engine.runs.archive import ArchiveWriter
from engine.runs.checkpoints import CheckpointStore
from engine.runs.folder import RunFolder
from engine.runs.heartbeat import Heartbeat
from engine.runs.journal import JournalReader, JournalWriter
from engine.runs.listing import read_state
from engine.runs.state import Phase, RunState, RunStatus, replay
from engine.train.phase_names import LOADING, RESUMING, WRITE_TESTS

_UNEXPECTED = 1


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.train", description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="RUN.KEY=VALUE", help="a new limit: run.steps=9")
    arguments = parser.parse_args(argv)
    sleep_at_barriers()
    claim_card()
    try:
        return _train(RunFolder.open(arguments.run_dir), arguments.set)
    except CureError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return error.exit_status


def _train(folder: RunFolder, new_limits: list[str]) -> int:
    with ExitStack() as resources:
        resources.enter_context(folder.lock())
        resources.enter_context(Heartbeat(folder.heartbeat))
        journal = resources.enter_context(JournalWriter(folder.journal))
        try:
            return _train_locked(folder, journal, resources, new_limits)
        except CureError as error:
            _last_words(folder, journal, error)
            raise
        except Exception as error:  # noqa: BLE001  (last line of defence: the journal must say why the run ended)
            traceback.print_exc()  # into engine.log
            fault = RunError(f"the engine failed: {type(error).__name__}: {error}", f"details in {folder.log}")
            _last_words(folder, journal, fault)
            return _UNEXPECTED


def _train_locked(folder: RunFolder, journal: JournalWriter, resources: ExitStack, new_limits: list[str]) -> int:
    began = time.monotonic()
    config = load_config(folder.config, new_limits)
    reader = JournalReader(folder.journal)
    recorded: RunState | None = replay(reader.poll(stale=False))
    had_begun = not journal.is_empty
    if not had_begun:
        journal.run_started(
            preset=config.name,
            steps=config.run.steps,
            seed=config.run.seed,
            start=config.start,
            rewards=_rewards(config.reward),
        )
    if reader.skipped:
        lines = "line of the journal is" if reader.skipped == 1 else "lines of the journal are"
        journal.notice(f"{reader.skipped} {lines} corrupt; skipped", level="warning")
    loading = _begin_loading(journal, recorded, had_begun)
    # Record signals from the start: torch and transformers take seconds to import, and a stop must not be lost.
    asked: list[str] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, frame: asked.append(signal.Signals(received).name))
    with grows_without_cycles():
        from engine.train.assembly import assemble
        from engine.train.download_phase import DownloadPhase
        from engine.train.labels.phase import LabellingStopped, LabelPhase
        from engine.train.run import Trainer
        from engine.train.samplers import Surroundings

    keep_freed_memory()

    archive = resources.enter_context(ArchiveWriter(folder.archive))
    saved = CheckpointStore(folder.checkpoints).steps()
    if not had_begun and not any(saved):
        # A journal without a readable event does not prove that nothing was trained: the archive may hold steps.
        trained = archive.last_step()
        recorded = RunState(step=trained) if saved or trained else None

    def note(text: str) -> None:
        journal.notice(text)

    surroundings = Surroundings(
        folder.path,
        folder.log,
        on_notice=lambda text: journal.notice(text, level="warning"),
        on_start=lambda text: journal.notice(text) if text else None,
        on_label_notice=note,
        during=lambda name: _phase_within(journal, name, loading),
    )
    try:
        with (
            DownloadPhase(journal, folder.live) as on_download,
            LabelPhase(folder, journal, asked, recorded) as on_labels,
        ):
            engine = assemble(config, resources, surroundings, on_download, on_labels)
    except LabellingStopped as stopped:
        journal.run_stopped(0 if recorded is None else recorded.step, str(stopped))
        return 0
    if loading is not None:
        journal.phase_finished(loading.step or 0, loading.name, time.monotonic() - began)
    trainer = Trainer(config, engine, folder, journal, archive, resumes=recorded, has_new_limits=bool(new_limits))

    def stop(received: int, frame: object) -> None:
        trainer.request_stop(signal.Signals(received).name)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if asked:
        trainer.request_stop(asked[0])
    trainer.run()
    return 0


def _begin_loading(journal: JournalWriter, recorded: RunState | None, had_begun: bool) -> Phase | None:
    """Start the phase before the first one of work; None where a later engine still needs the phase broken off.

    Without it, a resumed run would look as if its last phase went on while the model loads.
    """
    state = recorded or RunState()
    if state.phase is not None and state.phase.name == WRITE_TESTS:  # its time so far counts when it goes on
        return None
    phase = Phase(RESUMING if had_begun else LOADING, state.step, 0.0)
    journal.phase_started(state.step, phase.name)
    return phase


@contextmanager
def _phase_within(journal: JournalWriter, name: str, loading: Phase | None) -> Iterator[None]:
    """Record a phase of its own within the one of loading, which goes on afterwards."""
    step, began = (loading.step if loading is not None else None) or 0, time.monotonic()
    journal.phase_started(step, name)
    try:
        yield
    finally:
        journal.phase_finished(step, name, time.monotonic() - began)
    if loading is not None:
        journal.phase_started(step, loading.name)


def _rewards(reward: RewardConfig) -> dict[str, object]:
    """Return where the rewards come from, for the journal; {} for hidden tests alone."""
    if reward.labels == "hidden" and reward.tester_supervision == "none":
        return {}
    return {"labels": reward.labels, "anchors": reward.anchors, "supervision": reward.tester_supervision}


def _last_words(folder: RunFolder, journal: JournalWriter, error: CureError) -> None:
    """Write into the journal why the run ends; releasing the reserve makes room for it on a full disk.

    A finished run that could not be resumed stays finished: only its log says why.
    """
    folder.release_reserve()
    try:
        if read_state(folder.journal).status is RunStatus.FINISHED:
            journal.notice(f"not resumed: {error}", level="error")
            return
        if journal.is_empty:  # the configuration itself was invalid, so no run has started yet
            journal.run_started(preset="unknown", steps=0, seed=0)
        journal.run_failed(None, error=error.message, remedy=error.remedy)
    except CureError as fault:
        print(f"error: cannot write the last event to the journal: {fault}", file=sys.stderr)


if __name__ == "__main__":
    print_printable()
    sys.exit(main())
