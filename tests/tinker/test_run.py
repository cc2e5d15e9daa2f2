"""Tests of whole runs on a real SkyRL server: a kill on either side ends clearly, and costs nothing trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.machine.model_folders import ADAPTER_FILE
from engine.policy.tinker.saved import read_state
from engine.presets import load_config
from engine.runs.folder import RunFolder
from engine.runs.journal import read_journal
from engine.train.learners import export_policy
from engine.train.phase_names import START_ENGINE
from tests.engine.train.test_training_run import (
    engine,
    make_run,
    metrics_by_step,
    run_to_end,
    summaries,
    wait_for_step,
    wait_until,
)
from tests.tinker.skyrl_server import SkyRLServer

PATIENCE = 900.0
"""Seconds for any part of a run: the server compiles every shape that it has not seen."""
LOST_SECONDS = 180.0
"""Patience with a run whose server is gone; it takes half a minute where the machine has nothing else to do."""


@pytest.fixture
def own_server(tmp_path: Path, nano_fp32: Path) -> Iterator[SkyRLServer]:
    """Start a server that the test may kill."""
    started = SkyRLServer(tmp_path / "server", nano_fp32)
    try:
        yield started.start()
    finally:
        started.kill()


def numbers(folder: RunFolder) -> tuple[object, object]:
    """Return what a run has measured, but for clocks and the bytes since its last start."""
    steps = {
        step: {name: value for name, value in metrics.items() if not name.startswith("engine_")}
        for step, metrics in metrics_by_step(folder).items()
    }
    return steps, summaries(folder)


def test_a_run_resumes_bit_for_bit_after_a_kill_of_either_side(
    own_server: SkyRLServer, nano_fp32: Path, tmp_path: Path
) -> None:
    settings = (
        *("policy.engine=tinker", f"policy.url={own_server.url}", "rollout.sampler=engine"),
        *(f"model.source={nano_fp32}", "policy.lora_rank=8", "policy.lora_alpha=32"),
        *("run.steps=3", "run.keep_checkpoints=1", "evaluation.every_steps=0"),
        *("evaluation.heldout_tasks=1", "evaluation.validation_tasks=1"),
    )
    unbroken, battered = (make_run(tmp_path / name, *settings) for name in ("unbroken", "battered"))
    assert run_to_end(unbroken, PATIENCE) == (0, "")
    assert sorted(metrics_by_step(unbroken)) == [1, 2, 3]
    assert START_ENGINE in {each.data.get("phase") for each in read_journal(unbroken.journal)}
    kept = {f"{read_state(each).path.rpartition('/')[2]}.tar.gz" for each in unbroken.checkpoints.glob("step-*")}
    assert len(kept) == 2  # the last one, and the best or step 0
    states = own_server.folder / "checkpoints"
    assert {each.name for each in states.rglob("update-*")} == kept, "dropped checkpoints are deleted on the server"
    assert not list(states.rglob("sampler_weights/*.tar.gz")), "so are the weights of each sampler"

    # Killed, it leaves both of the server's slots taken.
    process = engine(battered)
    wait_until((battered.checkpoints / "step-000001").exists, process, PATIENCE)
    process.kill()
    process.communicate()

    process = engine(battered)
    wait_for_step(battered, 2, process, PATIENCE)
    own_server.kill_engine()  # the server answers for ten more seconds, and the SDK would retry for ever
    _, said = process.communicate(timeout=LOST_SECONDS)
    assert process.returncode == RunError.exit_status
    assert said.count("\n") == 1
    assert "then `cure-tui resume`" in said

    own_server.kill()
    own_server.start()
    assert run_to_end(battered, PATIENCE) == (0, "")
    assert numbers(battered) == numbers(unbroken)

    # With the server gone, the best checkpoint still has its adapter.
    own_server.kill()
    best = next(iter(battered.checkpoints.glob("step-*/adapter_model.safetensors"))).parent
    (tmp_path / "adapter").mkdir()
    export_policy(load_config(battered.config), best, tmp_path / "adapter", merged=False)
    assert (tmp_path / "adapter" / ADAPTER_FILE).read_bytes() == (best / ADAPTER_FILE).read_bytes()
