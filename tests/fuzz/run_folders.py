"""Run folders: a small whole run, mutated, then read as every command and view does, resumed and handed on."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import shutil
import socket
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from cure_tui.commands.runs import runs as list_command
from cure_tui.drawing.spans import plain
from cure_tui.launch.question import resume_question
from cure_tui.runs.archive_view import ArchiveView
from cure_tui.runs.comparison import ComparedRun, comparison_text, overlays
from cure_tui.runs.listing import RunList, last_figures
from cure_tui.runs.step_line import evaluation_line, step_line
from cure_tui.runs.watcher import RunWatcher
from engine.errors import CureError
from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset
from engine.problems import IOExample
from engine.runs.archive import ArchiveWriter
from engine.runs.archive_reader import ArchiveReader, RolloutFilter
from engine.runs.checkpoints import CheckpointStore, exported_checkpoint, resumed_checkpoint
from engine.runs.folder import RunFolder
from engine.runs.heartbeat import Heartbeat
from engine.runs.inbox import Command, Inbox, send
from engine.runs.journal import JournalReader, JournalWriter
from engine.runs.listing import list_runs, read_state
from engine.runs.live import LiveReader, LiveWriter
from engine.runs.transfer import export_run, import_run
from engine.train.labels.kept_tests import keep_tests, read_tests
from engine.train.task_weights import TASKS, draw_weighted, read_weights
from tests.cure_tui.recorded import record_run
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import changed_tree, odd_value

RUN = "nano-20261125-1200-abc"
LABELS = "tester:preset:nano"
_DASHBOARD_SECONDS = 30
_TABLES = {
    "steps": ("step", "time", "rollouts"),
    "blobs": ("digest", "body"),
    "tasks": ("step", "position", "task", "statement", "truth_tests", "generated_tests", "correct", "weight"),
    "matrices": ("position", "side", "programs", "tests", "passed", "known", "status", "milliseconds", "outputs"),
    "rollouts": (
        "id", "step", "position", "task", "role", "idx", "reward", "advantage", "tokens", "finished", "status", "body",
        "answer_bytes",
    ),
}  # fmt: skip


def prepare_run(place: Path) -> None:
    """Record the run that all cases start from."""
    (place / "home" / "runs").mkdir(parents=True)
    folder = RunFolder.create(place / "home" / "runs" / RUN, dump_toml(load_preset("nano")))
    record_run(folder, 4, planned=9, finish=False)
    store = CheckpointStore(folder.checkpoints)
    for step in (1, 4):
        store.save(step, _write_checkpoint)
    store.mark_best(1)
    keep_tests(folder.path, LABELS, {"pair": (IOExample("1 2\n", "3\n"),), "sum": ()})
    send(folder.path, Command.CHECKPOINT)
    folder.log.write_text("error: once\n")
    wall = LiveWriter(folder.live)
    wall.update(0, "coder", "pair", "print(1)", 3, "sampling")
    wall.start_phase("sample", 9)
    folder.heartbeat.touch()
    folder.lock_file.write_text("1234\nelsewhere\n")


def _write_checkpoint(folder: Path) -> None:
    (folder / "weights").write_bytes(b"w" * 2000)
    (folder / "progress.json").write_text('{"step": 1}')
    (folder / TASKS).write_text('{"pair":[0.5,null,0,3],"sum":[0.25,0.75,2,4]}')


# Mutations --------------------------------------------------------------------------------------------------------


_Mutation = Callable[[random.Random, Path], str]


def _mutated(*mutations: _Mutation) -> _Mutation:
    """Return a mutation of a case that makes one to three of `mutations` in its run."""

    def mutate(chance: random.Random, place: Path) -> str:
        return "; ".join(chance.choice(mutations)(chance, run_of(place)) for _ in range(chance.randint(1, 3)))

    return mutate


def run_of(place: Path) -> Path:
    return place / "home" / "runs" / RUN


def _some_file(chance: random.Random, run: Path) -> Path:
    found = sorted(path for path in run.rglob("*") if not path.is_dir() or path.is_symlink())
    weights = [5 if path.name in ("events.jsonl", "rollouts.sqlite") else 1 for path in found]
    return chance.choices(found, weights)[0] if found else run / "version"


def _flip(chance: random.Random, run: Path) -> str:
    path = _some_file(chance, run)
    if not path.is_file() or path.is_symlink():
        return "nothing"
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 4, 64))):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data)
    return f"flipped bytes of {path.name}"


def _cut(chance: random.Random, run: Path) -> str:
    path = _some_file(chance, run)
    if path.is_file() and not path.is_symlink():
        size = path.stat().st_size
        is_large = path.parent.name.startswith("step-") or path.name in (
            "events.jsonl",
            "rollouts.sqlite",
        )  # copying that takes its time
        os.truncate(
            path, chance.choice((0, chance.randint(0, size), size + 5000, size + (1 << 22 if is_large else 1 << 34)))
        )
    return f"cut or stretched {path.name}"


def _odd(chance: random.Random, run: Path) -> str:
    """Put a link, FIFO, socket, device, folder or hard link in place of a file or folder of the run."""
    names = ("version", "config.toml", "events.jsonl", "rollouts.sqlite", "rollouts.sqlite-wal", "rollouts.sqlite-shm",
             "rollouts.sqlite-journal", "lock", "heartbeat", "live", "engine.log", ".reserve", "checkpoints", "inbox",
             "checkpoints/best", "checkpoints/step-000004", "checkpoints/step-000004/manifest.json", ".live.tmp",
             "checkpoints/step-000004/weights", "checkpoints/.tmp-000005", "checkpoints/.old-000009", "inbox/1-stop",
             "checkpoints/.best.tmp", "labels.json", "checkpoints/step-000004/tasks.json", "checkpoints/step-000004/link", ".config.toml.tmp", "imported",
             "exports")  # fmt: skip
    path = run / chance.choice(names)
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        precious = run.parents[2] / "precious"
        kind = chance.choice(("link", "link to a folder", "dangling", "FIFO", "socket", "zero", "folder", "hard link"))
        if kind == "link":
            path.symlink_to(precious / "file")
        elif kind == "link to a folder":
            path.symlink_to(precious)
        elif kind == "dangling":
            path.symlink_to(precious / "new")
        elif kind == "FIFO":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(path.parent):
                made.bind(path.name)
        elif kind == "zero":
            path.symlink_to("/dev/zero")
        elif kind == "folder":
            path.mkdir()
        else:
            path.hardlink_to(precious / "file")
        return f"{kind} as {path.relative_to(run)}"
    return "nothing"


def _lines(chance: random.Random, run: Path) -> str:
    path = run / "events.jsonl"
    if not path.is_file() or path.is_symlink():
        return "nothing"
    lines = path.read_bytes().split(b"\n")
    at = chance.randrange(len(lines))
    how = chance.choice(("swap", "swap", "swap", "swap", "drop", "repeat", "shuffle", "deep", "many", "long"))
    if how == "swap":
        with contextlib.suppress(ValueError, RecursionError):
            lines[at] = json.dumps(changed_tree(chance, json.loads(lines[at]))).encode()
    elif how == "drop":
        del lines[at]
    elif how == "repeat":
        lines[at:at] = [lines[at]] * chance.choice((1, 50, 3000))
    elif how == "shuffle":
        chance.shuffle(lines)
    elif how == "deep":
        lines[at] = lines[at].replace(b'"data":{', b'"data":{"deep":' + b"[" * chance.choice((150, 5000)) + b",", 1)
    elif how == "many":
        lines[at:at] = [b"{}"] * 20_000
    else:
        lines[at] += b" " * (20 << 20)
    path.write_bytes(b"\n".join(lines))
    return f"{how} in line {at} of the journal"


def _json_file(chance: random.Random, run: Path) -> str:
    path = run / chance.choice(
        ("live", "labels.json", "checkpoints/step-000004/manifest.json", "checkpoints/step-000001/manifest.json")
    )
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if path.is_file() and not path.is_symlink():
            tree = json.loads(path.read_bytes())
            path.write_text(json.dumps(changed_tree(chance, tree)), errors="replace")
    return f"swapped a value in {path.name}"


def _tasks(chance: random.Random, run: Path) -> str:
    """Change what a checkpoint knows of the tasks, with a manifest that fits."""
    folder = run / "checkpoints" / "step-000004"
    path, manifest = folder / TASKS, folder / "manifest.json"
    with contextlib.suppress(OSError, ValueError, RecursionError, KeyError, TypeError):
        if all(each.is_file() and not each.is_symlink() for each in (path, manifest)):
            tree = json.loads(path.read_bytes())
            huge = [[[] for _ in range(1000)] for _ in range(chance.choice((10, 20_000)))]
            row = [chance.choice((0.5, odd_value(chance))), chance.choice((None, odd_value(chance))),
                   chance.choice((0, 10**400, odd_value(chance))), chance.choice((3, 10**400, odd_value(chance)))]  # fmt: skip
            text = json.dumps(chance.choice((changed_tree(chance, tree), tree | {"pair": row}, huge)))
            path.write_text(text, errors="replace")
            entries = json.loads(manifest.read_bytes())
            entries["files"][TASKS] = {
                "size": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            manifest.write_text(json.dumps(entries))
    return f"changed {TASKS}"


def _text(chance: random.Random, run: Path) -> str:
    path = run / chance.choice(("version", "checkpoints/best", "lock", "config.toml", "config.toml"))
    if path.is_file() and not path.is_symlink():
        lines = path.read_text(errors="replace").splitlines() or [""]
        at = chance.randrange(len(lines))
        name = lines[at].partition("=")[0]
        values = ("", "-1", "9" * 4400, "1e999", "nan", '"\x1b"', "[" * 3000, "[[1]]", '"/dev/zero"', 'extends = "x"')
        lines[at] = f"{name}= {chance.choice(values)}" if "=" in lines[at] else chance.choice(values)
        path.write_text("\n".join(lines), errors="replace")
    return f"changed a line of {path.name}"


def _row(chance: random.Random, run: Path) -> str:
    table = chance.choice(list(_TABLES))
    column = chance.choice(_TABLES[table])
    value = chance.choice((_blob, odd_value))(chance)
    if isinstance(value, list | dict | bool):
        value = json.dumps(value)
    some = chance.choice(("", " WHERE rowid % 2", " WHERE rowid = 3")) if table != "tasks" else ""
    with _database(run) as db:
        db.execute(f"UPDATE OR REPLACE {table} SET {column} = ?{some}", (value,))
    return f"{table}.{column} = {str(value)[:40]!r}{some}"


def _blob(chance: random.Random) -> bytes:
    inner = (b"[" * 100_000, b"\0" * (30 << 20), b"[" + b"[]," * 2_000_000 + b"[]]", b"\xff\xfe",
             b'{"texts":[1],"index":[[0]]}', json.dumps(odd_value(chance)).encode(),
             json.dumps([[odd_value(chance), odd_value(chance), None]]).encode())  # fmt: skip
    packed = zlib.compress(chance.choice(inner), 1)
    return chance.choice((packed, packed[: len(packed) // 2], b"\xff" * 40, b""))


def _schema(chance: random.Random, run: Path) -> str:
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x"
    change = chance.choice((
        "DROP TABLE search", "DROP INDEX rollouts_by_step", "DROP TABLE blobs", "PRAGMA user_version=7",
        "CREATE TRIGGER t AFTER DELETE ON steps BEGIN DELETE FROM blobs; END", "PRAGMA journal_mode=DELETE",
        f"DROP TABLE steps; CREATE VIEW steps AS {endless} AS step, x AS time, x AS rollouts FROM c",
        f"DROP TABLE blobs; CREATE VIEW blobs AS {endless} AS digest, x AS body FROM c",
        "DELETE FROM blobs", "DELETE FROM matrices WHERE side = 'truth'", "DELETE FROM steps", "DELETE FROM tasks",
        "INSERT INTO tasks SELECT step, position+9, task, statement, truth_tests, generated_tests, correct FROM tasks",
    ))  # fmt: skip
    with _database(run) as db:
        db.executescript(change)
    return change


@contextlib.contextmanager
def _database(run: Path) -> Iterator[sqlite3.Connection]:
    """Open the archive, if it is still a file, to damage it: faults are no matter."""
    path = run / "rollouts.sqlite"
    plain = all(not (run / f"rollouts.sqlite{end}").is_symlink() for end in ("", "-wal", "-shm", "-journal"))
    regular = all(
        each.is_file() for end in ("", "-wal", "-shm", "-journal") if (each := run / f"rollouts.sqlite{end}").exists()
    )
    file = str(path) if plain and regular and path.exists() else ":memory:"
    with (
        contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=0.1)) as db,
        contextlib.suppress(sqlite3.Error, OverflowError, UnicodeError),
    ):
        yield db


def _exercise(place: Path) -> None:
    """Read the run as every command and view does, then resume and hand it on. Each part may raise CureError."""
    parts: tuple[Callable[[Path], object], ...] = (
        list_run,
        watch_run,
        _compare,
        read_archive,
        _export,
        read_tasks,
        resume_run,
        watch_run,
    )
    for part in parts:
        with contextlib.suppress(CureError):
            part(run_of(place))


def list_run(run: Path) -> None:
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        list_command(_NoCommand(), as_json=False)  # type: ignore[arg-type]
        list_command(_NoCommand(), as_json=True)  # type: ignore[arg-type]
    for info in (*list_runs(), *RunList().read()):
        last_figures(info)


class _NoCommand:
    invoked_subcommand = None


def watch_run(run: Path) -> None:
    watcher = RunWatcher(run, lambda snapshot: None)
    for _ in range(100):
        snapshot = watcher.look()
        if not snapshot.loading:
            break
    step_line(snapshot.state, 8.0)
    for evaluation in snapshot.state.evaluations[-3:]:
        evaluation_line(evaluation)
    LiveReader(run / "live").read()


def _compare(run: Path) -> None:
    compared = ComparedRun("a", load_config(RunFolder.open(run).config), read_state(run / "events.jsonl"))
    comparison_text([compared, compared])
    plain(overlays([compared, compared], 60, 8))


def read_archive(run: Path) -> None:
    folder = RunFolder.open(run)
    view = ArchiveView(folder.archive)
    try:
        for step in range(6):
            view.tasks(step)
        view.lengths(4)
    finally:
        view.close()
    with ArchiveReader(folder.archive) as reader:
        for wanted in (RolloutFilter(), RolloutFilter(text="print"), RolloutFilter(role="coder", min_reward=0.1)):
            with contextlib.suppress(CureError):
                ids = reader.find(wanted, limit=1000)
                reader.rollouts(ids[:60])
                reader.executions(ids[:60])


def _export(run: Path) -> None:
    target = run.parents[1] / "run.tar"
    try:
        export_run(RunFolder.open(run), target)
        imported = import_run(target, run.parents[1] / "imported")
        shutil.rmtree(imported.path)
    finally:
        target.unlink(missing_ok=True)


def read_tasks(run: Path) -> None:
    """Read what a run knows of its tasks: their tests by another tester, and how they were solved."""
    with contextlib.suppress(CureError):
        read_tests(run, LABELS)
    saved = resumed_checkpoint(RunFolder.open(run).checkpoints, read_state(run / "events.jsonl"), lambda text: None)
    if saved is not None:
        weights = read_weights(saved, "code+tests")
        weights.save(saved.path)
        draw_weighted(weights.of(["pair", "sum", "other"], saved.step + 1), 2, 0, saved.step + 1)


def resume_run(run: Path) -> None:
    folder = RunFolder.open(run)
    config = load_config(folder.config)
    resume_question(config, folder)
    with folder.lock(), Heartbeat(folder.heartbeat), JournalWriter(folder.journal) as journal:
        recorded = read_state(folder.journal)
        with ArchiveWriter(folder.archive) as archive:
            with contextlib.suppress(CureError):
                exported_checkpoint(folder.checkpoints, lambda text: None)
            saved = resumed_checkpoint(folder.checkpoints, recorded, lambda text: None)
            step = saved.step if saved else 0
            archive.drop_from(step + 1)
            archive.prune(keep_steps=3, max_mb=100)
            folder.write_config(dump_toml(config))
            if journal.is_empty:
                journal.run_started(preset="nano", steps=9, seed=1)
            journal.resumed(from_step=step + 1, steps=9)
            Inbox(folder.inbox).poll()
            LiveWriter(folder.live).flush()
            store = CheckpointStore(folder.checkpoints)
            store.save(step + 1, _write_checkpoint)
            store.mark_best(step + 1)
            journal.run_stopped(step + 1, "stopped")
    JournalReader(folder.journal).poll()


async def _show(run: Path) -> None:
    """Look at every view of the run in the dashboard."""
    from cure_tui.dashboard.app import CureApp

    app = CureApp(run)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause(0.4)
        for key in ("1", "2", "enter", "escape", "3", "enter", "escape", "4", "5", "6", "[", "1", "3", "{", "f", "q"):
            if not app.is_running:
                break
            await pilot.press(key)
            await pilot.pause(0.05)


def _show_it(place: Path) -> None:
    asyncio.run(_show(run_of(place)))


def _read_task_files(place: Path) -> None:
    with contextlib.suppress(CureError):
        read_tasks(run_of(place))


_ALL = (
    _flip, _flip, _cut, _odd, _odd, _lines, _lines, _lines, _json_file, _json_file, _tasks, _text, _row, _row, _row, _schema
)  # fmt: skip
RUN_FOLDER = Kind(prepare_run, _mutated(*_ALL), _exercise)
JOURNAL = Kind(prepare_run, _mutated(_lines), _exercise)
ARCHIVE = Kind(prepare_run, _mutated(_row, _row, _schema), _exercise)
TASK_FILES = Kind(prepare_run, _mutated(_tasks, _tasks, _json_file), _read_task_files)
DASHBOARD = Kind(prepare_run, _mutated(*_ALL), _show_it, seconds=_DASHBOARD_SECONDS)
