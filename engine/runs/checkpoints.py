"""Checkpoints of a run: written to a temporary folder, synced, renamed, verified. No kill leaves a run without one.

checkpoints/step-000003/...           files of the caller, and manifest.json with their sizes and SHA-256
checkpoints/best                      the number of the step to keep as the best one
checkpoints/.tmp-*, .old-*, .drop-*, .best.tmp   leftovers of a kill, which `recover` removes
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ConfigError, RunError
from engine.machine.home import run_name
from engine.machine.regular_files import OddFile, check_kind, remove_tree
from engine.runs.faults import disk_full, has_no_space, run_faults
from engine.runs.files import make_folder, open_file, opened_folder, read_file, write_file
from engine.runs.journal import read_journal
from engine.runs.state import RunState, replay

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1
PROGRESS = "progress.json"
"""File of a checkpoint beside the policy's own, see `engine.train.progress`."""
BEST, LAST = "best", "last"
"""Words for a checkpoint, in place of the number of its step."""
_NAME, _OLD = re.compile(r"step-(\d{6,12})", re.ASCII), re.compile(r"\.old-(\d{1,12})", re.ASCII)
_BEST_BYTES, _MANIFEST_BYTES = 100, 1 << 20
_OF_ANOTHER_FORMAT = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Complete checkpoint: the state after `step`, in the files under `path`."""

    step: int
    path: Path


class CheckpointStore:
    """Checkpoints of one run. `save`, `mark_best` and `recover` are for the holder of the run's lock."""

    def __init__(
        self,
        path: Path,
        *,
        keep: int = 2,
        keep_best: bool = True,
        on_drop: Callable[[Path], None] = lambda checkpoint: None,
    ) -> None:
        """Set the retention. `keep`: newest checkpoints that stay (>= 1); `keep_best`: the best one stays too.

        on_drop: called with the folder of each checkpoint that `save` is about to remove, whole or not.
        """
        if keep < 1:
            raise ValueError(f"keep={keep}: a run that keeps no checkpoint cannot be resumed")
        self._path, self._keep, self._keep_best, self._on_drop = path, keep, keep_best, on_drop

    def save(self, step: int, write: Callable[[Path], None]) -> Checkpoint:
        """Save the checkpoint of `step`, whose files `write(folder)` writes into an empty folder.

        It replaces one of the same step. Checkpoints beyond retention are dropped afterwards, so the disk needs room
        for one more than is kept.
        Raises RunError if the disk is full or not writable, and the errors of `write`; then the store is unchanged.
        """
        aside = self._path / f".tmp-{step:06d}"
        with run_faults(self._path.parent):
            _remove(aside)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            make_folder(self._path.parent, self._path.name)
            make_folder(self._path.parent, f"{self._path.name}/{aside.name}")
            try:
                write(aside)
                _write_manifest(aside, step)
            except Exception as error:
                is_full = not isinstance(error, OSError) and has_no_space(aside)  # before rmtree frees space
                shutil.rmtree(aside, ignore_errors=True)
                if is_full:
                    raise disk_full(self._path.parent) from error
                raise
            self._publish(aside, step)
            self._drop_old(step)
        return Checkpoint(step, self._path / _name(step))

    def latest(self, on_damage: Callable[[Path], None] | None = None) -> Checkpoint | None:
        """Return the newest checkpoint that is whole, every byte of it verified; None if there is none.

        Corrupt ones are skipped and reported to `on_damage`. Changes nothing: needs no lock.
        """
        with run_faults(self._path.parent):
            for step in reversed(self.steps()):
                path = self._path / _name(step)
                if is_whole(path):
                    return Checkpoint(step, path)
                if on_damage is not None:
                    on_damage(path)
        return None

    def best(self, on_damage: Callable[[Path], None] | None = None) -> Checkpoint | None:
        """Return the checkpoint marked best, verified; None if none is marked.

        Return None, too, if the checkpoint or the mark itself is corrupt; `on_damage` is called with its path.
        """
        with run_faults(self._path.parent):
            step = self._best_step()
            path = self._path / ("best" if step is None else _name(step))
            if step is not None and is_whole(path):
                return Checkpoint(step, path)
            if on_damage is not None and (self._path / "best").exists():
                on_damage(path)
        return None

    def of(self, step: int) -> Checkpoint | None:
        """Return the checkpoint of a step, verified; None if it is missing or corrupt."""
        with run_faults(self._path.parent):
            path = self._path / _name(step)
            return Checkpoint(step, path) if is_whole(path) else None

    def steps(self) -> list[int]:
        """Return the steps of all checkpoints, ascending, not verified."""
        if not self._path.is_dir():
            return []
        names = (_NAME.fullmatch(path.name) for path in self._path.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def mark_best(self, step: int) -> None:
        """Keep the checkpoint of `step` until another is marked best. Raises ValueError if there is none."""
        if step not in self.steps():
            raise ValueError(f"no checkpoint of step {step} to mark best")
        with run_faults(self._path.parent):
            write_file(self._path.parent, f"{self._path.name}/best", b"%d\n" % step, sync=True)

    def recover(self) -> None:
        """Clean up after a kill: remove incomplete checkpoints, restore one that was being replaced.

        Call it under the run's lock, before anything else: it cannot tell a running `save` from a killed one.
        """
        if not self._path.is_dir():
            return
        with run_faults(self._path.parent):
            for path in sorted(self._path.iterdir()):
                if old := _OLD.fullmatch(path.name):
                    final = self._path / _name(int(old[1]))
                    if not os.path.lexists(final):
                        path.rename(final)
                        continue
                if path.name.startswith((".tmp-", ".old-", ".drop-", ".best.")):
                    _remove(path)

    def _publish(self, aside: Path, step: int) -> None:
        final, old = self._path / _name(step), self._path / f".old-{step:06d}"
        if os.path.lexists(final):
            # A folder cannot be renamed over one with files. After a kill between the two renames, `recover` restores
            # the old one.
            _remove(old)
            final.rename(old)
        aside.rename(final)
        _sync(self._path)
        if os.path.lexists(old):
            self._on_drop(old)
        _remove(old)

    def _drop_old(self, saved: int) -> None:
        """Apply retention. Corrupt checkpoints of later steps go first; a whole one is not this engine's: it stays."""
        later = [step for step in self.steps() if step > saved]
        earlier = [step for step in self.steps() if step <= saved]
        kept = set(earlier[-self._keep :])
        kept.update(step for step in later if is_whole(self._path / _name(step)))
        if self._keep_best:
            kept.add(self._best_step() or 0)
        for step in (*earlier, *later):
            if step not in kept:
                # What it holds elsewhere goes while the folder can still be found again after a kill.
                self._on_drop(self._path / _name(step))
                # Renamed first: a kill during the deletion must not leave a corrupt `step-…`.
                dropped = self._path / f".drop-{step:06d}"
                _remove(dropped)
                (self._path / _name(step)).rename(dropped)
                _remove(dropped)

    def _best_step(self) -> int | None:
        try:
            step = int(read_file(self._path.parent, f"{self._path.name}/best", _BEST_BYTES))
        except (FileNotFoundError, ValueError):
            return None
        return step if step >= 0 else None


def exported_checkpoint(
    checkpoints: Path, tell: Callable[[str], None], wanted: str = BEST, untrained: str = "--step 0"
) -> Checkpoint:
    """Choose the checkpoint whose policy is wanted: "best" by validation, the "last" one, or the number of a step.

    The best is one that was validated after training began; without such a one, the last stands in for it. Call `tell`
    with a sentence if another checkpoint stands in for the wanted one, or if the untrained policy of step 0 is wanted,
    which never stands in for another. untrained: the words that ask for it, for a remedy. Raises ConfigError: `wanted`
    is none of the three. Raises RunError: no such checkpoint, none yet, or no trained one is whole.
    """
    chosen = _wanted(checkpoints, tell, wanted, untrained)
    if chosen.step and _has_learnt_nothing(chosen):
        tell(f"{chosen.path.name} is the model before training: no sample was trained up to it")
    return chosen


def _wanted(checkpoints: Path, tell: Callable[[str], None], wanted: str, untrained: str) -> Checkpoint:
    store, name = CheckpointStore(checkpoints), run_name(checkpoints.parent)
    if wanted not in (BEST, LAST):
        return _of_step(store, wanted, name, tell)
    corrupt: list[Path] = []
    best = store.best(corrupt.append) if wanted == BEST else None
    if best is not None and best.step > 0:
        return best
    chosen = store.latest(corrupt.append)
    if chosen is None and not corrupt:
        state = replay(read_journal(checkpoints.parent / "events.jsonl"))
        if state.step or state.evaluations:
            raise _nothing_left(checkpoints, "its checkpoints are missing")
        raise RunError(f"run {name} has no checkpoint yet", f"continue it: cure-tui resume {shlex.quote(name)}")
    _account_for(_are_corrupt(corrupt), chosen, checkpoints, tell)
    assert chosen is not None  # else `_account_for` has raised
    if chosen.step == 0:
        raise RunError(
            f"run {name} has no trained checkpoint: step 0 is the model before training",
            f"continue it: cure-tui resume {shlex.quote(name)}; {untrained} takes step 0 all the same",
        )
    if wanted == BEST and not corrupt:
        tell(f"no trained step of run {name} was found best by validation: using {chosen.path.name}, the newest")
    return chosen


def _has_learnt_nothing(checkpoint: Checkpoint) -> bool:
    """Tell whether the run counts the samples it trains, and has none at the checkpoint."""
    run, place = checkpoint.path.parents[1], f"checkpoints/{checkpoint.path.name}/{PROGRESS}"
    try:
        fields = json.loads(read_file(run, place, _MANIFEST_BYTES))
        return bool(fields["trained_samples"] == 0)
    except (OSError, *_OF_ANOTHER_FORMAT):
        return False


def _of_step(store: CheckpointStore, wanted: str, name: str, tell: Callable[[str], None]) -> Checkpoint:
    kept = store.steps()
    there = f"it has those of steps {', '.join(map(str, kept))}" if kept else "it has none yet"
    if not (wanted.isascii() and wanted.isdecimal()):
        raise ConfigError(f"'{wanted}' is no step of a run", f"give a number, {BEST} or {LAST}; {there}")
    step = int(wanted)
    if step not in kept:
        raise RunError(f"run {name} has no checkpoint of step {step}", f"{there}; {BEST} and {LAST} choose one")
    checkpoint = store.of(step)
    if checkpoint is None:
        raise RunError(f"{_name(step)} of run {name} is corrupt", f"choose another: {there}")
    if step == 0:
        tell(f"step 0 of run {name} is the model before training")
    return checkpoint


def resumed_checkpoint(checkpoints: Path, recorded: RunState, tell: Callable[[str], None]) -> Checkpoint | None:
    """Choose the newest whole checkpoint to resume a run from; None if none was written and no step trained.

    `recorded`: the run's state by its journal. Call `tell` with a sentence about corrupt and missing checkpoints, a
    journal that ends before the chosen one, or steps that no checkpoint holds. Raises RunError if only step 0, or
    nothing, is left of a run that had saved more: a resume would discard all that it has learnt and recorded.
    """
    corrupt: list[Path] = []
    store = CheckpointStore(checkpoints)
    chosen = store.latest(corrupt.append)
    said = _are_corrupt(corrupt)
    saved = recorded.checkpoint_step or 0
    if not said and saved and saved not in store.steps():
        said = f"{_name(saved)} is missing"
    if not said and chosen is None and recorded.step:
        said = "its checkpoints are missing"
    _account_for(said, chosen, checkpoints, tell)
    if chosen is not None and recorded.step < chosen.step:
        tell(f"the journal ends at step {recorded.step}; using {chosen.path.name}, the newest whole checkpoint")
    elif chosen is not None and chosen.step == 0 < recorded.step:
        tell(f"no trained checkpoint was saved before step {recorded.step} ended: training starts again from step 1")
    return chosen


def _are_corrupt(paths: Sequence[Path]) -> str:
    names = list(dict.fromkeys(path.name for path in paths))
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} corrupt" if names else ""


def _account_for(said: str, chosen: Checkpoint | None, checkpoints: Path, tell: Callable[[str], None]) -> None:
    """Tell that `chosen` stands in for checkpoints that are lost; `said` names them, "" if there are none."""
    if said and (chosen is None or chosen.step == 0):
        raise _nothing_left(checkpoints, said)
    if said and chosen is not None:
        tell(f"{said}; using {chosen.path.name}, the newest whole checkpoint")


def _nothing_left(checkpoints: Path, said: str) -> RunError:
    run = checkpoints.parent
    again = f"cure-tui --preset {shlex.quote(str(run / 'config.toml'))}"
    return RunError(f"no trained checkpoint of run {run_name(run)} is left: {said}", f"train it again: {again}")


def is_whole(checkpoint: Path) -> bool:
    """Return whether the manifest exists and every file it names has the recorded size and SHA-256.

    A checkpoint with a link, FIFO or device in it, or whose manifest names a file outside of it, is not whole.
    """
    run, place = checkpoint.parents[1], f"{checkpoint.parent.name}/{checkpoint.name}"
    try:
        manifest = json.loads(read_file(run, f"{place}/{MANIFEST}", _MANIFEST_BYTES))
        files = manifest["files"]
        _check_kinds(run, place)
        return (
            manifest["version"] == MANIFEST_VERSION
            and _name(manifest["step"]) == checkpoint.name
            and all(_is_as_recorded(run, f"{place}/{name}", entry) for name, entry in files.items())
        )
    except (FileNotFoundError, NotADirectoryError, OddFile, *_OF_ANOTHER_FORMAT):
        return False  # torn or in another format; the caller handles errors of reading


def _is_as_recorded(run: Path, name: str, entry: dict[str, Any]) -> bool:
    with open(open_file(run, name), "rb") as file:
        if os.fstat(file.fileno()).st_size != entry["size"]:
            return False
        return bool(hashlib.file_digest(file, "sha256").hexdigest() == entry["sha256"])


def _check_kinds(run: Path, place: str) -> None:
    """Raise OddFile for anything but files and folders under `place`."""
    with opened_folder(run, place) as folder, os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _check_kinds(run, f"{place}/{entry.name}")
            else:
                check_kind(entry.name, folder)


def _write_manifest(folder: Path, step: int) -> None:
    """Write a manifest of the files of `folder` and force all of them to the disk."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": _sha256(path)} for path in paths
    }
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps({"version": MANIFEST_VERSION, "step": step, "files": files}, indent=1))
    for path in (*paths, manifest):
        _sync(path)
    for place in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        _sync(place)


def _name(step: int) -> str:
    return f"step-{step:06d}"


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)
