"""Opening of a solving process: the trained policy answers, and the training's libraries stay unloaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset
from engine.prompts import PromptStyle, Role
from engine.runs.checkpoints import CheckpointStore
from engine.runs.folder import RunFolder
from engine.solve.needs import refuse_unmet_needs
from engine.solve.strategies import Part, find_strategy
from engine.solve.writers import Ask
from engine.solve.writers.spec import parse_spec

ASK = Ask("first", Role.CODER, ({"role": "user", "content": "Code: print the sum"},), n=2, seed=0)
ANSWER = """
import json, sys
from engine.solve.opening import Wishes, open_writer
from engine.solve.writers.spec import parse_spec
from tests.engine.solve.test_opening import ASK
said = []
writer = open_writer(parse_spec(sys.argv[1]), Wishes(1.0, 24, 0), said.append)
texts = sorted(answer.text for answer in writer.write([ASK]))
print(json.dumps([texts, sorted({"peft", "bitsandbytes"} & set(sys.modules)), said]))
"""


def answers_of(spec: str) -> tuple[list[str], list[str], list[str]]:
    """Return the texts, the training libraries that were loaded, and the warnings of a separate process."""
    command = [sys.executable, "-c", ANSWER, spec]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    texts, loaded, said = json.loads(done.stdout)
    return texts, loaded, said


def test_a_conversation_with_a_model_of_single_questions_is_refused_before_it_is_loaded() -> None:
    debug, nano = find_strategy("debug"), parse_spec("nano")
    chat = parse_spec("qwen2.5-7b")
    with pytest.raises(ConfigError, match="preset:nano answers single questions only, debug is a conversation"):
        refuse_unmet_needs(debug, {Part.CODER: chat, Part.TESTER: nano})
    refuse_unmet_needs(debug, {Part.CODER: chat, Part.TESTER: chat})
    refuse_unmet_needs(find_strategy("bon"), {Part.CODER: nano, Part.TESTER: nano})


@pytest.mark.slow
def test_a_runs_adapter_answers_without_peft(tmp_path: Path) -> None:
    import torch

    from engine.sampling import SamplingParams
    from engine.sampling.local.sampler import TransformersSampler
    from engine.solve.writers.sampled import SampledWriter
    from engine.train.learners.local import load_policy

    folder = RunFolder.create(tmp_path / "run", dump_toml(load_preset("nano", (), tmp_path)))
    policy, tokenizer = load_policy(load_config(folder.config))
    torch.manual_seed(0)
    with torch.no_grad():  # fresh adapters change nothing
        for name, weight in policy.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.05)
    store = CheckpointStore(folder.checkpoints)
    store.save(1, policy.save_state)
    store.mark_best(1)
    config = load_config(folder.config)
    sampler = TransformersSampler(policy.model, tokenizer)
    params = dict.fromkeys(Role, SamplingParams(1.0, config.rollout.top_p, 24))
    own = SampledWriter("own", sampler, tokenizer, params, PromptStyle(config.model.prompt_style), thinking=False)

    texts, loaded, said = answers_of(f"run:{folder.path}")
    assert (loaded, said) == ([], [])
    assert texts == sorted(answer.text for answer in own.write([ASK]))
    assert texts != answers_of("nano")[0]

    store = CheckpointStore(folder.checkpoints)
    store.mark_best(store.save(2, policy.save_state).step)
    (folder.checkpoints / "step-000002" / "adapter_model.safetensors").write_bytes(b"noise")
    texts_of_the_whole_one, _, said = answers_of(f"run:{folder.path}")
    assert texts_of_the_whole_one == texts
    assert said == ["step-000002 is corrupt; using step-000001, the newest whole checkpoint"]
