"""Command line that rebuilds assets/nano: `python -m engine.nano tasks|pretrain`."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from engine.machine.process_environment import claim_cache
from engine.nano.splits import make_splits, to_problem
from engine.problems import save_problems

ASSETS = Path("assets/nano")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m engine.nano", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    tasks = verbs.add_parser("tasks", help="write the RL, validation and held-out tasks")
    tasks.add_argument("--out", type=Path, default=ASSETS / "tasks")
    train = verbs.add_parser("pretrain", help="train tokenizer and weights; continues an interrupted run")
    train.add_argument("--work", type=Path, default=Path("build/nano"))
    train.add_argument("--out", type=Path, default=ASSETS, help="folder of the finished model")
    train.add_argument("--steps", type=int)
    train.add_argument("--threads", type=int, default=1)
    train.add_argument("--eager", action="store_true", help="without torch.compile (needs no C++ compiler)")
    arguments = parser.parse_args()
    if arguments.verb == "tasks":
        write_tasks(arguments.out)
    else:
        run_pretraining(arguments)


def write_tasks(folder: Path) -> None:
    splits = make_splits()
    folder.mkdir(parents=True, exist_ok=True)
    for name, compositions in (
        ("train", splits.rl_train),
        ("validation", splits.validation),
        ("heldout", splits.held_out),
    ):
        save_problems(folder / f"{name}.jsonl", [to_problem(c, name) for c in compositions])
        print(f"{folder / name}.jsonl: {len(compositions)} tasks")


def run_pretraining(arguments: argparse.Namespace) -> None:
    claim_cache()
    import torch

    from engine.nano.pretraining import Recipe, pretrain

    torch.set_num_threads(arguments.threads)
    recipe = Recipe() if arguments.steps is None else replace(Recipe(), steps=arguments.steps)
    finished = pretrain(make_splits().pretrain, arguments.work, recipe, compiled=not arguments.eager)
    for file in finished.iterdir():
        shutil.copyfile(file, arguments.out / file.name)  # not the mode, which safetensors makes owner-only
    print(f"{arguments.out}: {recipe.steps} steps of {recipe.batch_tokens} tokens")


if __name__ == "__main__":
    main()
