"""Time of a nano step by phase: real steps of the real loop on the embedded model.

    python tests/benchmarks/nano_step.py [--steps 5]

Prints seconds by phase and tokens/s; `sampling.py` and `update.py` beside it compare the two heavy phases with
`model.generate` and with a bare forward and backward pass.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

from engine.presets import load_preset
from engine.train.assembly import assemble
from engine.train.samplers import Surroundings
from engine.train.step import CoevolutionStep, coevolve


def run_steps(count: int) -> tuple[list[CoevolutionStep], list[float]]:
    """Run `count` steps after one that warms up; return them and the CPU seconds of each in this process."""
    config = load_preset("nano", [f"run.steps={count + 1}"])
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory()))
        engine = assemble(config, resources, Surroundings(folder, folder / "engine.log"))
        done, clock = [], [time.process_time()]
        for step in range(1, count + 2):
            done.append(
                coevolve(step, engine.labels, engine.encode, engine.sampler, engine.executor, engine.policy, config)
            )
            clock.append(time.process_time())
    return done[1:], [after - before for before, after in pairwise(clock)][1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5)
    steps, cpu = run_steps(parser.parse_args().steps)

    def median(values: list[float]) -> float:
        return statistics.median(values)

    rows = [
        ("sampling", median([s.sampling.sampling_seconds for s in steps])),
        ("executing, what is left of it after sampling", median([s.sampling.waiting_seconds for s in steps])),
        ("update", median([s.update_seconds for s in steps])),
        ("whole step", median([s.seconds for s in steps])),
        ("CPU of a step, without the sandbox's", median(cpu)),
    ]
    for name, seconds in rows:
        print(f"{name:<46}{seconds:8.2f} s")
    sampled = median([s.sampling.tokens / s.sampling.sampling_seconds for s in steps])
    trained = median([s.update.tokens_per_second for s in steps])
    print(f"{'sampled':<46}{sampled:8.0f} tokens/s")
    print(f"{'trained (answer tokens, KL reference included)':<46}{trained:8.0f} tokens/s")


if __name__ == "__main__":
    main()
