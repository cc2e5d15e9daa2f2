"""Cost of the dashboard: each figure beside its bound, all from one run on one machine.

    python tests/benchmarks/dashboard.py [--quick] [--only PART ...]

first frame   real processes in real terminals (pty, 120 x 40), from their start until the bytes of the first frame
              arrive, in turn with a hello-world application of the same toolkit; then until the whole home screen
              is drawn
--help        CPU of the whole process
live          a dashboard on a run that another process writes (live_run.py: 32 answers growing by 1,000 tokens/s, a
              step every 3 s, 10,000 steps behind it): CPU of the dashboard's process, and frame lag: the delay of a
              60 Hz timer in its event loop (watched_app.py). Beside it the lag of a bare timer in an idle process at
              the same time: that part is the machine's
idle          the same on a finished run
opening       a run of 50,000 events, from the request to the frame that shows all of it; then jumps to random steps,
              from the choice to the end of the frame in which all views show the step
slow-down     two runs of the embedded model with one seed and an attached dashboard, which is stopped (SIGSTOP) in
              every other step, in the second run in the other ones: each step is timed with and without it, and does
              the same work. The ratio of both sums with its standard error. Where a machine's own speed varies by
              more than the effect, two figures that are independent of it: the time that runnable threads of the
              engine waited for a core in a step (counted by the kernel), with the dashboard and without; and the
              dashboard's share of the CPU time of all cores

CPU time is printed beside wall time: on a shared machine only ratios and CPU time are meaningful, and even CPU time
grows by half where both threads of a core are busy.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import resource
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(HERE)]

from live_run import finish, make_past  # noqa: E402
from watched_app import HELLO  # noqa: E402

from engine.runs.events import EventKind  # noqa: E402
from engine.runs.folder import RunFolder  # noqa: E402
from engine.runs.journal import JournalReader  # noqa: E402
from engine.runs.lock import lock_holder  # noqa: E402

CURE = [sys.executable, "-P", "-m", "cure_tui"]
WATCHED = [sys.executable, str(HERE / "watched_app.py")]
WRITER = [sys.executable, str(HERE / "live_run.py")]
WAIT_SECONDS = 120.0
PARTS = ("first", "help", "live", "idle", "opening", "slow-down")


class Terminal:
    """Process in a terminal of its own; all its output is read, with the time of each piece."""

    def __init__(self, command: Sequence[str], home: Path, columns: int = 120, rows: int = 40) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        environment |= {"CURE_TUI_HOME": str(home), "PYTHONPATH": str(ROOT)}
        self._began = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=environment
        )
        os.close(theirs)
        self._drawn = bytearray()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._ours, 1 << 16)
            except OSError:  # the other end is gone
                piece = b""
            with self._changed:
                self._drawn += piece
                self._changed.notify_all()
            if not piece:
                return

    def wait_for(self, *texts: bytes) -> tuple[float, float]:
        """Wait until all of `texts` were drawn; return wall and CPU seconds since the process's start."""
        with self._changed:
            if not self._changed.wait_for(lambda: all(text in self._drawn for text in texts), WAIT_SECONDS):
                raise SystemExit(f"{texts} never came:\n{self._drawn[-2000:].decode(errors='replace')}")
        return time.perf_counter() - self._began, self.cpu_seconds()

    def cpu_seconds(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def maps(self) -> str:
        return Path(f"/proc/{self.process.pid}/maps").read_text()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()
        self._reader.join()
        os.close(self._ours)


def say(what: str, figure: str, bound: str = "") -> None:
    print(f"{what:<44}{figure:<58}{bound and f'bound {bound}'}", flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[round(share * (len(ordered) - 1))]


# Starting ---------------------------------------------------------------------------------------------------


def first_frames(rounds: int, empty: Path, full: Path) -> None:
    hello = ("hello", [*WATCHED, "hello"], empty, (HELLO.encode(),))
    first, whole = (b"probing this machine",), (b"presets", b"Quit")
    kinds = (
        hello,
        ("first frame, no runs", CURE, empty, first),
        ("first frame, 8 runs", CURE, full, first),
        ("home screen, no runs", CURE, empty, whole),
        ("home screen, 8 runs", CURE, full, whole),
    )
    taken: dict[str, list[tuple[float, float]]] = {kind[0]: [] for kind in kinds}
    with_torch = False
    for number in range(rounds + 1):
        for name, command, home, marks in kinds:
            with Terminal(command, home) as terminal:
                frame = terminal.wait_for(*marks)
                with_torch |= name != "hello" and number == 0 and "torch" in _maps_when_settled(terminal)
            if number:  # the first round reads files that later rounds find in memory
                taken[name].append(frame)
    walls, cpus = (
        {name: statistics.median(each[at] for each in frames) for name, frames in taken.items()} for at in (0, 1)
    )
    say("first frame of hello", f"{walls['hello'] * 1e3:.0f} ms, {cpus['hello'] * 1e3:.0f} ms CPU")
    for name in list(taken)[1:]:
        ratios = f"{walls[name] / walls['hello']:.2f} x, CPU {cpus[name] / cpus['hello']:.2f} x"
        bound = "1.4 x" if name.startswith("first frame") else ""
        say(name, f"{ratios}  ({walls[name] * 1e3:.0f} ms, {cpus[name] * 1e3:.0f} ms CPU)", bound)
    say("torch in the memory of the dashboard", "yes" if with_torch else "no", "no")


def _maps_when_settled(terminal: Terminal) -> str:
    terminal.wait_for(b"sandbox level")
    return terminal.maps()


def help_seconds(rounds: int) -> None:
    taken = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*CURE, "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    say("cure-tui --help", f"{statistics.median(taken):.2f} s CPU", "0.25 s")


# Watching ---------------------------------------------------------------------------------------------------


@contextmanager
def writing(run: Path) -> Iterator[None]:
    with subprocess.Popen([*WRITER, str(run)]) as writer:
        yield
        writer.terminate()


def live(run: Path, home: Path, seconds: float) -> None:
    for columns, rows, view in ((120, 40, "overview"), (200, 60, "overview"), (120, 40, "curves")):
        report, bare = home / "report.json", home / "bare.json"
        with writing(run):
            timer = subprocess.Popen([*WATCHED, "timer", str(bare), str(seconds)])
            command = [*WATCHED, "lags", str(run), str(report), str(seconds), view]
            with Terminal(command, home, columns, rows) as terminal:
                terminal.process.wait(WAIT_SECONDS + seconds)
            timer.wait()
        seen, machine = json.loads(report.read_text()), json.loads(bare.read_text())
        per_picture = seen["cpu_seconds"] / max(1, seen["pictures"])
        what = f"live, {view} at {columns} x {rows}"
        say(
            f"{what}: CPU",
            f"{seen['cpu_seconds'] / seen['seconds']:.1%} at {seen['pictures'] / seen['seconds']:.1f} pictures/s of "
            f"{per_picture * 1e3:.1f} ms",
            "25 %",
        )
        p95, theirs = (percentile(each["lags"], 0.95) * 1e3 for each in (seen, machine))
        say(f"{what}: frame lag", f"p95 {p95:.1f} ms, of which the machine's {theirs:.1f} ms", "33 ms")


def idle(run: Path, home: Path, seconds: float) -> None:
    with Terminal([*CURE, "attach", str(run)], home) as terminal:
        terminal.wait_for(b"finished")
        time.sleep(8.0)  # until all that comes with the first pictures is done
        before = terminal.cpu_seconds()
        time.sleep(seconds)
        say("idle on a finished run", f"{(terminal.cpu_seconds() - before) / seconds:.2%} of a core", "1 %")
        say("torch in its memory", "yes" if "torch" in terminal.maps() else "no", "no")


def opening_and_jumps(run: Path, home: Path, jumps: int) -> None:
    report = home / "report.json"
    with Terminal([*WATCHED, "jumps", str(run), str(report), str(jumps)], home) as terminal:
        terminal.process.wait(WAIT_SECONDS + jumps)
    seen = json.loads(report.read_text())
    cpu, wall = seen["opening"]
    say("opening a run of 50,000 events", f"{wall / 1e3:.2f} s, {cpu / 1e3:.2f} s CPU", "1 s")
    cpus, walls = zip(*seen["jumps"], strict=True)
    figures = ", ".join(f"{name} {percentile(walls, share):.0f} ms" for name, share in (("p95", 0.95), ("max", 1.0)))
    say(f"jump to a step, {jumps} of them", f"{figures}; CPU p95 {percentile(cpus, 0.95):.0f} ms", "100 ms")


# The engine -------------------------------------------------------------------------------------------------


def slow_down(home: Path, steps: int) -> None:
    even, odd = (engine_steps(home / f"engine-{which}", home, steps, which) for which in (0, 1))
    both = range(3, steps + 1)  # the first steps warm up
    watched = [(even if step % 2 == 0 else odd)[step] for step in both]
    alone = [(odd if step % 2 == 0 else even)[step] for step in both]
    total, total_alone = (sum(step.seconds for step in each) for each in (watched, alone))
    ratio = total / total_alone
    rest = [one.seconds - ratio * other.seconds for one, other in zip(watched, alone, strict=True)]
    error = statistics.stdev(rest) * len(rest) ** 0.5 / total_alone
    say(f"slow-down of the engine, {len(rest)} pairs of steps", f"{ratio - 1:+.1%} ± {error:.1%}", "2 %")
    waits, waits_alone = (
        sum(step.waited for step in each) / seconds for each, seconds in ((watched, total), (alone, total_alone))
    )
    say("the engine waits for a core", f"{waits:.1%} of a step, without dashboard {waits_alone:.1%}", "2 % apart")
    cores = len(os.sched_getaffinity(0))
    say(f"the dashboard's CPU, of {cores} cores", f"{sum(step.cpu for step in watched) / total / cores:.1%}")


class EngineStep(NamedTuple):
    """Seconds of a step, seconds its engine's threads waited for a core, and the dashboard's CPU seconds."""

    seconds: float
    waited: float
    cpu: float


def engine_steps(run: Path, home: Path, steps: int, which: int) -> dict[int, EngineStep]:
    """Run nano and return its steps; the dashboard works in the even (0) or the odd (1) ones."""
    settings = ("evaluation.heldout_tasks=1", "evaluation.validation_tasks=1", "evaluation.every_steps=0")
    command = [*CURE, "--preset", "nano", "--no-ui", "--steps", str(steps), "--run-dir", str(run)]
    command += [part for setting in settings for part in ("--set", setting)]
    environment = {**os.environ, "CURE_TUI_HOME": str(home)}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet) as engine:
        while not (run / "events.jsonl").exists():
            time.sleep(0.1)
        taken: dict[int, EngineStep] = {}
        reader = JournalReader(run / "events.jsonl")
        with Terminal([*CURE, "attach", str(run)], home) as terminal:
            terminal.wait_for(b"live")
            spent, waited = terminal.cpu_seconds(), 0.0
            while engine.poll() is None:
                for event in reader.poll():
                    if event.kind == EventKind.STEP_FINISHED and event.step is not None:
                        seconds = float(event.data["metrics"]["seconds"])  # type: ignore[index, call-overload, arg-type]
                        before = spent, waited
                        spent, waited = terminal.cpu_seconds(), waited_seconds(run)
                        taken[event.step] = EngineStep(seconds, waited - before[1], spent - before[0])
                        works = (event.step + 1) % 2 == which
                        terminal.process.send_signal(signal.SIGCONT if works else signal.SIGSTOP)
                time.sleep(0.02)
    return taken


def waited_seconds(run: Path) -> float:
    """Return the seconds that the threads of `run`'s engine have waited for a core since their start."""
    engine = lock_holder(RunFolder.open(run).lock_file).pid
    waits = (each.read_text().split()[1] for each in Path(f"/proc/{engine}/task").glob("*/schedstat"))
    return sum(map(int, waits)) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="less of each: a minute and a half")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="some of the parts")
    arguments = parser.parse_args()
    quick, only = arguments.quick, arguments.only
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        empty, full = (Path(name, each) for each in ("empty", "full"))
        empty.mkdir()
        past = make_past(empty / "past").path
        done = Path(shutil.copytree(past, empty / "done"))
        finish(done)
        for number in range(8):
            finish(make_past(full / "runs" / f"nano-20260101-000{number}-aaa", steps=30, archived=0).path)
        parts: dict[str, Callable[[], None]] = {
            "first": lambda: first_frames(3 if quick else 6, empty, full),
            "help": lambda: help_seconds(3 if quick else 7),
            "live": lambda: live(past, empty, 6.0 if quick else 12.0),
            "idle": lambda: idle(done, empty, 8.0 if quick else 15.0),
            "opening": lambda: opening_and_jumps(done, empty, 15 if quick else 40),
            "slow-down": lambda: slow_down(empty, 6 if quick else 30),
        }
        for part in only:
            parts[part]()


if __name__ == "__main__":
    main()
