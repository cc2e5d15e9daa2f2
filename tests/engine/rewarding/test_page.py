"""Snippets of engine/rewarding/README.md, run as they stand but for names that the page leaves open."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.machine.resources import source_path
from tests.cure_tui.command_line import Cli
from tests.cure_tui.rewarding.served import end, start
from tests.trl_side import INSTALL, trl_is_here

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "engine/rewarding/README.md").read_text()
needs_trl = pytest.mark.skipif(not trl_is_here(), reason=f"trl is not installed: {INSTALL}")
SCORE = """
import importlib.util, json

spec = importlib.util.spec_from_file_location("custom_module", {file!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
row = {{"question": "Double it.", "test_time_limit": 1, "example_input": [], "example_output": [],
        "test_input": ["2"], "test_output": ["4"]}}
answer = "```python\\nprint(int(input()) * 2)\\n```"
print(module.compute_score("cure", answer, json.dumps(row), {{"role": "coder"}}))
print(module.compute_scores(["cure"], [answer], [json.dumps(row)], [{{"role": "coder"}}]))
"""


def snippet(heading: str) -> str:
    (found,) = re.findall(
        r"```python\n(.*?)```", PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0], re.DOTALL
    )
    return found


def run(code: str, folder: Path) -> str:
    """Run code as a script below `folder`, which sees the assets; return what it prints."""
    file = folder / "script.py"
    file.write_text(code)
    (folder / "assets").symlink_to(ROOT / "assets")
    environment = Cli.below(folder).environment
    done = subprocess.run(
        [sys.executable, str(file)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("heading", ["TRL", "verl", "HTTP"])
def test_each_page_is_short(heading: str) -> None:
    assert len([line for line in snippet(heading).splitlines() if line.strip()]) <= 11


@pytest.mark.slow
@needs_trl
def test_the_page_of_trl_trains(tmp_path: Path) -> None:
    code = snippet("TRL").replace('"MODEL"', repr(str(source_path("asset:nano"))))
    quick = "max_steps=1, max_completion_length=64, use_cpu=True, bf16=False, report_to='none', save_strategy='no'"
    code = code.replace("shuffle_dataset=False", f"shuffle_dataset=False, {quick}")
    assert "'reward'" in run(code, tmp_path)


@pytest.mark.slow
@needs_trl
def test_the_page_of_verl_writes_rows_and_is_loaded_as_verl_loads_it(tmp_path: Path) -> None:
    run(snippet("verl"), tmp_path)
    assert (tmp_path / "train.parquet").stat().st_size > 1000
    file = tmp_path / "rewards.py"
    file.write_text(snippet("verl"))
    said = subprocess.run(
        [sys.executable, "-c", SCORE.format(file=str(file))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert said.stdout == "1.0\n[1.0]\n", said.stderr


def test_the_page_of_http_prints_what_it_says(cli: Cli) -> None:
    served = start(cli)
    code = snippet("HTTP").replace("KEY_FILE", str(served.key_file)).replace(":8077", f":{served.netloc[1]}")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    end(served)
    assert f"`{said.stdout.strip()}`" in PAGE, said.stderr
