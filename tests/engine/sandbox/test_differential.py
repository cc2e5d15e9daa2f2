"""Programs behave as by `python program.py`: standard output, exit code and last line of stderr of real idioms."""

from __future__ import annotations

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.sandbox import Executor, launch
from tests.engine.sandbox.idioms import IDIOMS, INPUT

Observed = tuple[str, int | None, str]

# Every difference, by the reason that engine/sandbox/README.md gives for it.
NOT_COMPILED = ("syntax error", "indentation error")
NO_SOURCE_FILE = ("warnings", "invalid literal comparison", "own source")
CONFINED = ("tempfile", "writes a file", "subprocess", "os.system", "socket")
HELD_BY_A_MODULE = ("__del__ of a global that a module keeps",)
EXPLAINED = {*NOT_COMPILED, *NO_SOURCE_FILE, *CONFINED, *HELD_BY_A_MODULE}
NO_FILE_OPENED = (
    "open of a missing file",
    "/dev/null",
    "coroutine never awaited",
    "runpy",
    "zoneinfo",
    "tkinter or not",
)


def last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Observed]:
    """Run every idiom by the interpreter that cells use, each in a folder of its own."""
    environment = launch.environment() | {"TMPDIR": str(tmp_path_factory.mktemp("tmp"))}

    def run(source: str, folder: Path) -> Observed:
        (folder / "program.py").write_text(source)
        done = subprocess.run(
            [launch.interpreter(), "-s", "-P", "-B", "program.py"],
            input=INPUT.encode(),
            capture_output=True,
            cwd=folder,
            env=environment,
            timeout=60,
            check=False,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )
        return done.stdout.decode(errors="replace"), done.returncode, last_line(done.stderr.decode(errors="replace"))

    folders = [tmp_path_factory.mktemp("program") for _ in IDIOMS]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(IDIOMS, pool.map(run, IDIOMS.values(), folders), strict=True))


@pytest.mark.timeout(300)
def test_idioms_end_as_by_a_plain_interpreter(executor_at_level: Executor, plain: dict[str, Observed]) -> None:
    explained = EXPLAINED | set(NO_FILE_OPENED if executor_at_level.level.confinement.deny_open else ())
    runs = {name: executor_at_level.submit(source, [INPUT]) for name, source in IDIOMS.items()}
    differences = {}
    for name, run in runs.items():
        (outcome,) = run.result()
        ours = outcome.stdout, outcome.exit_code, last_line(outcome.stderr_tail)
        if ours != plain[name]:
            differences[name] = {"plain": plain[name], "ours": ours}
    assert differences.keys() <= explained, {name: differences[name] for name in differences.keys() - explained}


def test_there_are_many_idioms_and_few_differences() -> None:
    assert len(IDIOMS) >= 290
    assert len(EXPLAINED) <= 11
    assert EXPLAINED | set(NO_FILE_OPENED) <= IDIOMS.keys()
