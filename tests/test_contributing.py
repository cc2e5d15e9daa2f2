"""Snippets of CONTRIBUTING.md, followed to the letter."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from engine.train.samplers import choose_sampler

ROOT = Path(__file__).parents[1]
USE_IT = """
import numpy as np
from engine.config import RewardConfig
from engine.reward.pass_matrix import PassMatrix
from engine.reward.rewards import tester_rewards
from engine.reward.testers import TESTER_REWARDS

field = RewardConfig.model_fields["tester_variant"]
assert "right" in TESTER_REWARDS and "right" in field.annotation.__args__ and "right" in field.description
matrix = PassMatrix(np.array([[True], [False]]), np.array([[True, False], [True, True]]))
print(tester_rewards(matrix, "right").tolist())
"""
SELECT = """
import numpy as np
from engine.reward.pass_matrix import PassMatrix
from engine.solve.selectors import BoardArrays, choose, find_selector

matrix = PassMatrix(np.zeros((3, 0), bool), np.array([[False], [True], [True]]))
board = BoardArrays(matrix, np.array([[1], [2], [3]]), np.ones(1, bool), np.zeros(3, bool), np.arange(3))
print(choose(board, find_selector("first")))
"""

STRATEGY = """
from engine.solve.strategies import find_strategy, solve
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import Family

bench = bench_of(Family("right"), Family("right"), n=9, m=3)
solution = solve(find_strategy("few:programs=2"), bench)
print(len(solution.candidates), len(solution.tests), solution.select, solution.support)
"""


def snippets(heading: str) -> list[str]:
    """Return the indented blocks from a bold heading to the next, without their indent."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    text = text.partition(f"\n**{heading}**")[2].partition("\n**")[0]
    blocks = re.findall(r"(?:^ {4}.*\n(?:\n+(?= {4}))?)+", text, re.MULTILINE)
    return [textwrap.dedent(block) for block in blocks]


def test_a_tester_reward_is_added_as_the_page_says(tmp_path: Path) -> None:
    file, lines = snippets("A tester reward")
    import_line, registry_line = lines.splitlines()
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    testers, schema = tmp_path / "engine/reward/testers", tmp_path / "engine/config/schema.py"
    (testers / "right.py").write_text(file)
    registry = (testers / "__init__.py").read_text()
    beside = "from engine.reward.testers.generated_tests"
    registry = registry.replace(beside, f"{import_line}\n{beside}")
    registry = re.sub(r"(TESTER_REWARDS: .*= \{\n)", rf"\1{registry_line}\n", registry)
    (testers / "__init__.py").write_text(registry)
    declared = "TesterVariant: TypeAlias = Literal["
    schema.write_text(schema.read_text().replace(declared, f'{declared}"right", '))
    said = subprocess.run([sys.executable, "-c", USE_IT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.stdout == "[1.0, -1.0]\n", said.stderr


def test_a_selector_is_added_as_the_page_says(tmp_path: Path) -> None:
    file, lines = snippets("A selector")
    import_line, registry_line = lines.splitlines()
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    selectors = tmp_path / "engine/solve/selectors"
    (selectors / "first.py").write_text(file)
    registry = (selectors / "__init__.py").read_text()
    registry = registry.replace("\n\n__all__", f"\n{import_line}\n\n__all__", 1)
    registry = re.sub(r"(SELECTORS: .*= \{\n)", rf"\1{registry_line}\n", registry)
    (selectors / "__init__.py").write_text(registry)
    said = subprocess.run([sys.executable, "-c", SELECT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.stdout == "1\n", said.stderr


def test_a_strategy_is_added_as_the_page_says(tmp_path: Path) -> None:
    file, lines = snippets("A strategy")
    import_line, registry_line = lines.splitlines()
    shutil.copytree(ROOT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    strategies = tmp_path / "engine/solve/strategies"
    (strategies / "few.py").write_text(file)
    registry = (strategies / "protocol.py").read_text()
    indented = textwrap.indent(f"{import_line}\n", " " * 4)
    registry = re.sub(r"(def _strategies\(\).*:\n)", rf"\1{indented}", registry)
    registry = re.sub(r"(    every: .*\(\n)", rf"\1    {registry_line}\n", registry)
    (strategies / "protocol.py").write_text(registry)
    run = [sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r})\n{STRATEGY}"]
    said = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.stdout == "2 3 consensus supported\n", said.stderr


def test_a_sampler_is_opened_as_the_page_says() -> None:
    (file,) = snippets("A sampler")
    names: dict[str, Any] = {}
    exec(file, names)
    typed = inspect.signature(choose_sampler, eval_str=True)
    assert inspect.signature(names["open_sampler"], eval_str=True) == typed
