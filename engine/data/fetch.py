"""Fetch of a published set: read this first.

    locate     files brought by hand, else the hub's cache, else the hub's listing; sizes, before anything is fetched
    bring      downloads what is missing, resumably, and verifies it
    convert    records -> tasks, bad ones set aside; splits that share no task
    write      train.jsonl, ... and PROVENANCE.json; every file gets its name when it is whole

A set lies in `data/NAME/` of the user's data folder; one process at a time works there.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.data.conversion import convert
from engine.data.converted import Converted, Dropped, Kept, Options
from engine.data.download import OnProgress, Progress, download, file_sha256, part_size
from engine.data.hub import Hub, RemoteFile
from engine.data.provenance import Origin, Tally, write_provenance
from engine.data.sets import SUFFIX, VALIDATION_SEED, VALIDATION_TASKS, DataSet, Source, set_folder
from engine.data.splits import cut
from engine.data.streams import BadRow, Row, read_rows
from engine.errors import DataError, NotFetched
from engine.problems import load_problems, save_problems, to_cure_record
from engine.sandbox import Executor

_DOWNLOADS = ".download"
_LOCK = ".lock"
_NOT_IN_NAMES = re.compile(r"[^\w.-]")
_DATA_FILES = (".json", ".jsonl", ".gz", ".parquet")


@dataclass(frozen=True, slots=True)
class Located:
    """File of a set: at `path` where it is here already, else to be fetched from `remote`. found: as in Origin."""

    source: Source
    revision: str
    found: str
    path: Path
    remote: RemoteFile | None = None

    @property
    def missing_bytes(self) -> int:
        """Return how much is to be fetched; 0 also where the hub does not know."""
        return max(0, self.remote.size - part_size(self.path)) if self.remote else 0


def locate(entry: DataSet, hub: Hub, revision: str = "", brought: Sequence[Path] = ()) -> list[Located]:
    """Find every file of a set: in `brought`, in the hub's cache or on the hub, in this order.

    revision: of every repository, instead of the pinned one. Raises NotFetched, DataError for files brought by hand
    that do not fit.
    """
    if brought:
        return _by_hand(entry, brought)
    located = []
    for source in entry.sources:
        wanted = revision or source.revision
        cached = hub.cached(source, wanted) if not source.url else []
        if cached and all(_is_pinned_content(path, source, wanted) for path in cached):
            located += [Located(source, wanted, "cache", path) for path in cached]
            continue
        if hub.offline:
            raise NotFetched(
                f"{source.repo} is not in the hub's cache, and HF_HUB_OFFLINE is set",
                f"unset it, or bring {source.path} by hand: cure-tui data fetch {entry.name} --from FILE",
            )
        for remote in hub.files(source, wanted):
            place = set_folder(entry.name) / _DOWNLOADS / _NOT_IN_NAMES.sub("_", f"{source.split}-{remote.path}")
            located.append(_expected(source, wanted, remote, place))
    return located


def _expected(source: Source, revision: str, remote: RemoteFile, place: Path) -> Located:
    """Hold a file of the hub against the registry."""
    if source.sha256 and revision == source.revision:
        if remote.sha256 not in ("", source.sha256):
            message = f"the hub has another {remote.path} at revision {revision[:12]} than this program knows"
            raise NotFetched(message, "take it with --revision main if you trust it, or set HF_ENDPOINT")
        remote = replace(remote, sha256=source.sha256, size=source.size or remote.size)
    whole = place.is_file() and (not remote.sha256 or file_sha256(place) == remote.sha256)
    return Located(source, remote.commit or revision, "hub", place, None if whole else remote)


def _is_pinned_content(path: Path, source: Source, revision: str) -> bool:
    return not source.sha256 or revision != source.revision or file_sha256(path) == source.sha256


def _by_hand(entry: DataSet, brought: Sequence[Path]) -> list[Located]:
    """Choose for each source the brought files that it names; the only file serves a set of one file."""
    files: list[Path] = []
    for path in brought:
        if not path.exists():
            raise DataError(f"{path} does not exist", "check the path")
        inside = sorted(each for each in path.rglob("*") if each.suffix.lower() in _DATA_FILES and each.is_file())
        files += inside if path.is_dir() else [path]
    if len(entry.sources) == 1 and len(files) == 1:
        return [Located(entry.sources[0], "", "by hand", files[0])]
    located = []
    for source in entry.sources:
        fitting = [path for path in files if _named(path, source)]
        if not fitting:
            wanted = ", ".join(f"{each.repo}: {each.path}" for each in entry.sources)
            message = f"none of the files brought is the {source.split} file {source.path} of {entry.name}"
            raise DataError(message, f"bring {wanted}, in folders of these names")
        located += [Located(source, "", "by hand", path) for path in fitting]
    return located


def _named(path: Path, source: Source) -> bool:
    """Tell whether a file's last folders and name are those of a source, or its name alone is the repository's."""
    depth = source.path.count("/") + 1
    tail = Path(*path.parts[-depth:])
    return tail.match(source.path) or path.stem == source.repo.partition("/")[2]


def space_needed(located: Sequence[Located]) -> int:
    """Return the bytes that a fetch takes at most: what is missing, and as much again for the converted tasks."""
    sizes = [each.remote.size if each.remote else each.path.stat().st_size for each in located]
    return sum(each.missing_bytes for each in located) + sum(sizes)


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def check_space(located: Sequence[Located], folder: Path) -> None:
    """Raise NotFetched if the disk of `folder` cannot hold what a fetch takes."""
    while not folder.exists():
        folder = folder.parent
    needed, free = space_needed(located), shutil.disk_usage(folder).free
    if needed > free:
        message = f"{_size(needed)} are needed at {folder}, {_size(free)} are free"
        raise NotFetched(message, "free some, or set CURE_TUI_HOME to a folder on another disk")


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Hold the lock of a set's folder. Raises NotFetched if another process has it, or it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as fault:
        raise NotFetched(f"{folder} cannot be written: {fault.strerror}", "choose another CURE_TUI_HOME") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotFetched(f"another process is fetching into {folder}", "wait for it, or end it") from None
        yield
    finally:
        os.close(lock)


def bring(hub: Hub, located: Sequence[Located], on_progress: OnProgress) -> list[Origin]:
    """Download what is missing, and return the origin of every file. Raises NotFetched."""
    origins = []
    for each in located:
        source = each.source
        url = each.remote.url if each.remote else source.url or f"{hub.page(source.repo)}/{source.path}"
        if each.remote is not None:
            each.path.parent.mkdir(parents=True, exist_ok=True)
            sha256 = download(hub, each.remote, each.path, source.repo, on_progress)
        else:
            sha256 = file_sha256(each.path)
        pinned = sha256 == source.sha256 if source.sha256 else source.is_pinned and each.revision == source.revision
        size = each.path.stat().st_size
        origins.append(Origin(source.split, url, each.revision, sha256, size, each.found, pinned))
    return origins


def build(
    entry: DataSet,
    located: Sequence[Located],
    origins: list[Origin],
    options: Options,
    executors: Sequence[Executor],
    on_progress: OnProgress,
) -> dict[str, Tally]:
    """Convert the files of a set, write its tasks and PROVENANCE.json, and return the counts of each split.

    executors: those of `convert`, none to leave references alone. Training loses the tasks that evaluation has. Raises
    DataError if a split would be empty, NotFetched for a disk that is full: the folder keeps what it held before.
    """
    folder = set_folder(entry.name)
    tallies: dict[str, Tally] = {}
    seen: dict[bytes, str] = {}
    with disk_faults(folder):
        (folder / _DOWNLOADS).mkdir(exist_ok=True)
        for split in sorted(dict.fromkeys(each.source.split for each in located), key=lambda name: name == "train"):
            rows = _rows([each.path for each in located if each.source.split == split])
            tasks = convert(entry.kind, rows, replace(options, split=split), *executors)
            new = _unseen(tasks, seen, split, once=entry.cut_validation)
            tallies[split] = write_tasks(new, _aside(folder, split), split, on_progress)
        splits = [*tallies]
        if entry.own_splits:
            splits = _divide(folder, splits[0], entry.own_splits)
        chosen = {name: value for name, value in asdict(options).items() if name != "split"}
        chosen["verified"] = bool(executors)
        if entry.cut_validation:
            splits.append("validation")
            chosen["validation"] = {"tasks": _cut_validation(folder), "seed": VALIDATION_SEED}
        for split in splits:
            _aside(folder, split).replace(folder / f"{split}{SUFFIX}")
        files = [folder / f"{split}{SUFFIX}" for split in splits]
        write_provenance(folder, entry.name, entry.licence, entry.kind, origins, chosen, tallies, files)
    return tallies


def write_tasks(tasks: Iterable[Converted], path: Path, what: str, on_progress: OnProgress) -> Tally:
    """Write the tasks as JSONL, whole or not at all, and count them. Raises DataError if there is none, OSError."""
    tally = Tally()
    aside = path.with_name(f".{path.name}.tmp")
    try:
        with aside.open("w", encoding="utf-8") as file:
            for task in tasks:
                tally.count(task)
                if isinstance(task, Kept):
                    file.write(json.dumps(to_cure_record(task.problem), ensure_ascii=False) + "\n")
                    on_progress(Progress(what, tally.kept, 0, "tasks"))
            file.flush()
            os.fsync(file.fileno())
        if not tally.kept:
            reasons = "; ".join(f"{count} times: {reason}" for reason, count in tally.dropped.most_common(2))
            raise DataError(f"no {what} task could be used", reasons or "the file holds no record")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return tally


def remove_downloads(name: str) -> None:
    """Remove the downloaded files that a set was made of."""
    shutil.rmtree(set_folder(name) / _DOWNLOADS, ignore_errors=True)


@contextmanager
def disk_faults(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses into a NotFetched."""
    try:
        yield
    except OSError as fault:
        message = f"{folder} cannot be written: {(fault.strerror or str(fault)).lower()}"
        raise NotFetched(message, "free some space, or set CURE_TUI_HOME to a folder on another disk") from None


def _aside(folder: Path, split: str) -> Path:
    """Return where a split lies until all of them are whole."""
    return folder / _DOWNLOADS / f"{split}{SUFFIX}"


def _rows(files: Sequence[Path]) -> Iterator[Row | BadRow]:
    """Yield the records of all files, numbered through."""
    index = 0
    for path in files:
        for row in read_rows(path):
            yield replace(row, index=index)
            index += 1


def _unseen(tasks: Iterable[Converted], seen: dict[bytes, str], split: str, once: bool) -> Iterator[Converted]:
    """Drop the tasks whose id or statement another split has; with `once`, its own split, too."""
    for task in tasks:
        if isinstance(task, Kept):
            words = " ".join(task.problem.statement.split())
            keys = [hashlib.sha256(text.encode()).digest() for text in (f"id {task.problem.id}", words)]
            owners = [seen.get(key, split) for key in keys]
            twin = once and keys[1] in seen
            other = next((owner for owner in owners if owner != split), split if twin else "")
            seen |= dict.fromkeys(keys, split) if not other else {}
            if other:
                task = Dropped(task.problem.id, task.line, f"the {other} tasks have it, too")
        yield task


def _divide(folder: Path, whole: str, splits: Sequence[str]) -> list[str]:
    """Put the tasks of one file into those of the splits that they name; return the splits that have any."""
    tasks = load_problems(_aside(folder, whole))
    of_split = {split: [task for task in tasks if task.dataset.endswith(f"/{split}")] for split in splits}
    for split, own in of_split.items():
        if own:
            save_problems(_aside(folder, split), own)
    return [split for split, own in of_split.items() if own]


def _cut_validation(folder: Path) -> int:
    """Move tasks from the training file to a validation file, chosen by their ids; return how many."""
    tasks = load_problems(_aside(folder, "train"))
    rest, validation = cut(tasks, min(VALIDATION_TASKS, max(1, len(tasks) // 10)), VALIDATION_SEED)
    save_problems(_aside(folder, "train"), rest)
    save_problems(_aside(folder, "validation"), validation)
    return len(validation)
