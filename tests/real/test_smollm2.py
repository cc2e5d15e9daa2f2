"""SmolLM2 through everything: load, sample, update, kill, resume, evaluate, export, solve, and llama.cpp's server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.data.sets import task_file
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.problems import load_problems
from engine.runs.events import EventKind
from engine.runs.folder import RunFolder
from engine.runs.journal import read_journal
from engine.runs.listing import read_state
from engine.runs.state import RunStatus

STEPS = 3
SMALL = (
    f"run.steps={STEPS}", "run.checkpoint_every=1", "run.threads=2",
    "rollout.tasks_per_step=2", "rollout.n_programs=4", "rollout.m_tests=4",
    "evaluation.heldout_tasks=2", "evaluation.validation_tasks=2", "evaluation.every_steps=0",
    "evaluation.n_programs=2", "evaluation.m_tests=2", "evaluation.bon_sizes=[[2, 2]]",
)  # fmt: skip
SECONDS = 1200
"""Patience with one command on a busy machine; alone on two cores the whole file takes some minutes."""

pytestmark = pytest.mark.timeout(3 * SECONDS)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CURE_TUI_HOME", str(place))
        patch.setenv("CURE_TUI_CONFIG", str(place / "config"))
        yield place


@pytest.fixture(scope="module")
def run(home: Path, smollm2: Path) -> RunFolder:
    """Return a run that was killed after its first step and resumed to its end."""
    config = load_preset("smollm2", [*SMALL, f"model.source={smollm2}"])
    folder = RunFolder.create(home / "runs" / "smollm2-real", dump_toml(config))
    command = [sys.executable, "-m", "engine.train", "--run-dir", str(folder.path)]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for_step(folder, first)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert read_state(folder.journal).status is not RunStatus.FINISHED
    subprocess.run(command, check=True, timeout=SECONDS)
    return folder


def wait_for_step(folder: RunFolder, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SECONDS
    while not any(event.kind == EventKind.CHECKPOINT for event in read_journal(folder.journal)):
        assert process.poll() is None, (folder.path / "engine.log").read_text() if folder.log.exists() else "it ended"
        assert time.monotonic() < until
        time.sleep(0.5)


def cure_tui(*arguments: str, problem: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cure_tui", *arguments],
        input=problem, capture_output=True, text=True, timeout=SECONDS, env=os.environ | {"NO_COLOR": "1"},
    )  # fmt: skip


def metrics(folder: RunFolder, name: str) -> Sequence[float]:
    finished = [event for event in read_journal(folder.journal) if event.kind == EventKind.STEP_FINISHED]
    return [event.data["metrics"][name] for event in finished]


def test_a_killed_run_resumes_and_takes_every_step(run: RunFolder) -> None:
    state = read_state(run.journal)
    assert state.status is RunStatus.FINISHED
    assert state.step == STEPS


def test_sampler_and_trainer_agree_on_real_weights(run: RunFolder) -> None:
    for ratio in metrics(run, "ratio_mean"):
        assert ratio == pytest.approx(1.0, abs=0.02)  # bf16 on both sides


def test_the_worked_turns_make_answers_readable(run: RunFolder) -> None:
    assert sum(metrics(run, "tester_malformed")) / STEPS < 0.5


def test_the_run_is_evaluated_as_it_was_trained(run: RunFolder) -> None:
    done = cure_tui("eval", "--run", run.id, "--data", "easy", "--limit", "2", "-n", "2", "-m", "2", "--bon", "2x2")
    assert done.returncode == 0, done.stderr
    assert "code" in done.stdout.lower()


def test_the_exported_model_is_loaded_and_solves(run: RunFolder, tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    exported = cure_tui("export", run.id, "--merged", str(merged))
    assert exported.returncode == 0, exported.stderr
    assert (merged / "model.safetensors").is_file()
    problem = load_problems(task_file("easy", "heldout"))[1]
    common = ("-n", "2", "-m", "2", "--no-ui", "--json", "--keep", "0", "-")
    for model in (("--model", str(merged), "--max-tokens", "64"), ("--run", run.id)):
        solved = cure_tui("solve", *model, *common, problem=problem.statement)
        assert "Traceback" not in solved.stderr
        assert solved.stdout.strip(), solved.stderr
        json.loads(solved.stdout.splitlines()[0])


@pytest.fixture(scope="module")
def llama_url(smollm2_gguf: Path) -> Iterator[str]:
    pytest.importorskip("xllamacpp")
    script = Path(__file__).with_name("llama_server.py")
    server = subprocess.Popen(
        [sys.executable, str(script), str(smollm2_gguf)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    address = ""
    while not address.startswith("http"):  # it prints more on its way
        line = server.stdout.readline()
        assert line, "the server ended"
        address = line.strip()
    yield address
    server.kill()
    server.communicate()


def test_llama_cpp_s_server_solves_with_worked_turns(home: Path, llama_url: str) -> None:
    settings = home / "config" / "endpoints.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f'[endpoint."{llama_url}/v1"]\nprompts = "shots"\nconcurrency = 4\n', encoding="utf-8")
    model = f"openai:any@{llama_url}/v1"
    done = cure_tui(
        "eval", "--coder", model, "--tester", model, "--data", "easy", "--limit", "2",
        "-n", "2", "-m", "2", "--bon", "2x2", "--max-tokens", "64",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "code" in done.stdout.lower()


def test_its_gguf_file_is_refused_as_a_model_with_what_reads_it(smollm2_gguf: Path, home: Path) -> None:
    refused = cure_tui("solve", "--model", str(smollm2_gguf), "--no-ui", "-", problem="Print 1.")
    assert refused.returncode == 5
    assert "llama-server -m" in refused.stderr
    assert "Traceback" not in refused.stderr
