"""First day on a card: everything that only a GPU can show, in a quarter of an hour, written into RESULTS.md.

    python tests/gpu/first_day.py                    all parts, on a card capped to 24 GiB
    python tests/gpu/first_day.py --only step update
    python tests/gpu/first_day.py --dry              on the CPU with tiny models: shows that it runs, nothing else

Each part is a process of its own, ended when its time is up; what it found by then is kept. A part that fails is
reported with its last words, and the others still run. After each part the file is written anew, so nothing is lost.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from engine.machine.process_environment import claim_card  # noqa: E402

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADING = "## First day"
_LAST_WORDS = 6


@dataclass(frozen=True)
class Part:
    """Part of the day: a module of this folder with a function `report(arguments)` that prints Markdown."""

    name: str
    title: str
    minutes: float
    """Time that it may take; a guess until it has run on a card."""


PARTS = (
    Part("install", "Installation", 1.5),
    Part("sleep", "Sleep levels of vLLM", 3.0),
    Part("step", "One step of Qwen3-4B", 5.0),
    Part("update", "The update, beside TRL's", 3.5),
    Part("nano", "Nano, from beginning to end", 2.0),
)


@dataclass(frozen=True)
class Outcome:
    """Output of a part, and the reason if it ended early."""

    text: str
    fault: str = ""

    def section(self, title: str) -> str:
        fault = f"**Ended early:** {self.fault}\n" if self.fault else ""
        return "\n".join(filter(None, [f"### {title}\n", self.text.strip() + "\n" if self.text.strip() else "", fault]))


def options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [part.name for part in PARTS]
    made.add_argument("--only", nargs="+", choices=names, default=names, help="parts to run (default: all)")
    made.add_argument("--dry", action="store_true", help="tiny models on the CPU: only shows that it runs")
    made.add_argument("--cap-gib", type=float, default=24.0, help="memory of the card to pretend (default 24)")
    made.add_argument("--minutes", type=float, default=15.0, help="time for all parts (default 15)")
    made.add_argument("--results", type=Path, help="file to append to (default: RESULTS.md here; --dry: none)")
    made.add_argument("--models", nargs="+", default=["qwen3-4b"], help="qwen3-4b, qwen2.5-7b")
    made.add_argument("--samplers", nargs="+", default=["vllm", "transformers"], help="of part step")
    made.add_argument("--sleep-levels", nargs="+", type=int, default=[1, 0], help="of parts sleep and step")
    made.add_argument("--precisions", nargs="+", default=["nf4", "bf16"], help="of part update")
    made.add_argument("--tokens", type=int, default=8192, help="prompt and answer of the longest sequence of an update")
    made.add_argument("--answer-tokens", type=int, default=4096, help="of part step")
    made.add_argument("--answers", type=int, default=16, help="to each of the two prompts of part step")
    made.add_argument("--steps", type=int, default=20, help="of part nano")
    made.add_argument("--part", choices=names, help=argparse.SUPPRESS)
    return made


def run_part(part: Part, words: list[str], seconds: float) -> Outcome:
    """Run a part in a process of its own, with all its children, for `seconds` at most."""
    command = [sys.executable, __file__, "--part", part.name, *words]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, cwd=ROOT, start_new_session=True)
        try:
            status: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        errors.seek(0)
        said = [line.rstrip() for line in errors if line.strip()]
        text = output.read()
    if status == 0:
        return Outcome(text)
    why = f"its {seconds / 60:.1f} minutes are up" if status is None else f"status {status}"
    last_words = "\n".join(f"    {line[:300]}" for line in said[-_LAST_WORDS:])
    return Outcome(text, f"{why}\n\n{last_words}")


def write_results(path: Path, before: str, section: str) -> None:
    """Write the page anew beside the old one, then put it in its place."""
    new = path.with_suffix(".new")
    new.write_text(f"{before.rstrip()}\n\n{section.rstrip()}\n", encoding="utf-8")
    new.replace(path)


def whole_day(
    arguments: argparse.Namespace,
    words: list[str],
    circumstances: str,
    run: Callable[[Part, list[str], float], Outcome] = run_part,
) -> bool:
    """Run the parts one after the other; return whether all came to their end."""
    results = arguments.results or (None if arguments.dry else RESULTS)
    before = results.read_text(encoding="utf-8") if results is not None and results.exists() else ""
    sections = [f"{HEADING}: {circumstances}\n"]
    until, good = time.monotonic() + 60 * arguments.minutes, True
    for part in PARTS:
        if part.name not in arguments.only:
            continue
        left = until - time.monotonic()
        say(f"{part.title}: up to {min(part.minutes, left / 60):.1f} minutes")
        if left < 5:
            outcome = Outcome("", f"left out: the {arguments.minutes:g} minutes are up; `--only {part.name}` runs it")
        else:
            outcome = run(part, words, min(left, 60 * part.minutes if len(arguments.only) > 1 else left))
        good &= not outcome.fault
        sections.append(outcome.section(part.title))
        print(sections[-1], flush=True)
        if results is not None:
            write_results(results, before, "\n".join(sections))
    return good


def say(text: str) -> None:
    """Print progress to stderr: stdout is the report."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def main(words: list[str]) -> int:
    arguments = options().parse_args(words)
    if arguments.part:
        if not arguments.dry:
            claim_card()
        import_module(f"tests.gpu.{arguments.part}").report(arguments)
        return 0
    from tests.gpu.workbench import circumstances

    where = circumstances(arguments)
    print(f"{HEADING}: {where}\n", flush=True)
    return 0 if whole_day(arguments, words, where) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
