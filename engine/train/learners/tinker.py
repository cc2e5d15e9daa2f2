"""Learner on a Tinker server. Of the model, this machine needs the configuration and the tokenizer alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE
from engine.machine.model_limits import context_of
from engine.machine.resources import source_path
from engine.models import load_base_model
from engine.models.base_model import load_tokenizer
from engine.models.device import default_device
from engine.models.download_progress import OnProgress
from engine.models.model_files import locate_description
from engine.policy.adapter import with_adapter
from engine.policy.checkpoint import save_merged
from engine.policy.tinker.client import TinkerClient
from engine.policy.tinker.held_models import HeldModels
from engine.policy.tinker.learner import TinkerLearner
from engine.policy.tinker.probes import check_server
from engine.runs.folder import RunFolder
from engine.sampling.adapters import agreement_bound
from engine.train.phase_names import START_ENGINE
from engine.train.surroundings import Surroundings


def open_learner(
    config: RunConfig, surroundings: Surroundings, on_download: OnProgress | None = None
) -> tuple[TinkerLearner, Any]:
    """Connect to the server at `policy.url`, probe it, and return its learner and the model's tokenizer."""
    folder = locate_description(_model(config), on_download)
    with surroundings.during(START_ENGINE):
        learner = _connected(config, folder, surroundings.scratch, surroundings.on_notice)
    return learner, load_tokenizer(folder)


def export(config: RunConfig, checkpoint: Path, target: Path, *, merged: bool) -> None:
    """Write the policy of `checkpoint` into `target`: its adapter, or the whole model, which is then loaded here.

    The best checkpoint has its adapter beside it. Of another one it is fetched from the server, under the run's lock:
    the server loads the state in place of the run's own model. Raises CureError.
    """
    if merged:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".adapter-") as scratch:
            adapter = Path(scratch)
            _put_adapter(config, checkpoint, adapter)
            base = load_base_model(_model(config), config.policy.precision, default_device())
            save_merged(target, with_adapter(base.model, adapter), base.tokenizer)
    else:
        _put_adapter(config, checkpoint, target)


def _put_adapter(config: RunConfig, checkpoint: Path, target: Path) -> None:
    if (checkpoint / ADAPTER_FILE).is_file():
        for name in (ADAPTER_FILE, ADAPTER_CONFIG_FILE):
            shutil.copyfile(checkpoint / name, target / name)
        return
    run = RunFolder.open(checkpoint.parents[1])
    with run.lock():
        learner = _connected(config, locate_description(_model(config)), run.path)
        try:
            learner.load_state(checkpoint)
            learner.export_adapter(target)
        finally:
            learner.close()


def _connected(
    config: RunConfig, folder: Path, run_dir: Path, on_notice: Callable[[str], object] = lambda text: None
) -> TinkerLearner:
    """Connect the run in `run_dir`, whose models of before a kill are unloaded, and probe the server."""
    policy, context = config.policy, context_of(folder)
    held = HeldModels(run_dir, policy.url)
    client = TinkerClient.open(
        policy.url, _model(config), policy.lora_rank, context_length=context, on_models=held.write
    )
    with ExitStack() as failing:
        failing.callback(client.close)
        for model_id in held.read():
            client.unload(model_id)
        check_server(client, agreement_bound(config.model.dtype, config.model.dtype))
        learner = TinkerLearner(client, policy, steps=config.run.steps, seed=config.run.seed, on_notice=on_notice)
        failing.pop_all()
    return learner


def _model(config: RunConfig) -> str:
    return str(source_path(config.model.source))
