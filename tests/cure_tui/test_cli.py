"""Command line without a run: help, versions, presets, doctor, messages about mistakes."""

from __future__ import annotations

import ast
import json
import os
import resource
import subprocess
import sys
import tomllib
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

import cure_tui
from tests.cure_tui.command_line import ROOT, Cli

HEAVY = ("torch", "transformers", "peft", "textual", "vllm", "numpy", "rich")
LIGHT_ROOMS = {
    "config",
    "data",  # fetched and converted in the process of the command
    "errors",
    "evaluate",  # folders, plans and requests of evaluations; its process samples
    "evaluation",
    "machine",
    "presets",
    "printable",
    "problems",
    "prompts",  # a task as the model will see it
    "reward",
    "rewarding",  # executes programs, loads no model
    "runs",
    "sandbox",  # its level, for doctor
    "servers",  # the bounds of connections to ours
    "solve",  # what is asked of it and what it tells
}


def test_plain_cure_tui_offers_the_headless_run(cli: Cli) -> None:
    done = cli()
    assert done.returncode == 0
    assert "cure-tui --preset nano --no-ui" in done.stdout


def test_help_lists_commands_and_exit_statuses(cli: Cli) -> None:
    done = cli.anew("--help")
    assert done.returncode == 0
    for word in (
        "--preset",
        "--no-ui",
        "--json",
        "--set",
        "runs",
        "attach",
        "resume",
        "presets",
        "doctor",
        "export",
        "130",
    ):
        assert word in done.stdout


def test_attach_without_a_terminal_says_what_to_do_instead(cli: Cli) -> None:
    done = cli.anew("attach")
    assert done.returncode == 2
    assert done.stderr.startswith("error: the dashboard needs a terminal (list runs with `cure-tui runs`")
    assert done.stderr.count("\n") == 1


def test_the_dashboards_process_loads_no_framework(cli: Cli) -> None:
    code = (
        "import sys, cure_tui.dashboard.app, cure_tui.dashboard.opening\n"
        "print(sorted(set(sys.modules) & {'torch', 'transformers', 'peft', 'vllm', 'bitsandbytes'}))"
    )
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, cwd=cli.folder, env=cli.environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("runs",)])
def test_quick_commands_load_nothing_heavy(arguments: tuple[str, ...], cli: Cli) -> None:
    code = (
        "import sys\nfrom cure_tui.cli import main\n"
        f"sys.argv = ['cure-tui', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=cli.environment, capture_output=True, text=True)
    loaded = done.stdout.splitlines()[-1].split()[1:]
    allowed = {"numpy"} if arguments == ("runs",) else set()
    assert set(loaded) <= allowed, done.stderr


def test_help_takes_less_than_three_tenths_of_a_second_of_cpu(cli: Cli) -> None:
    cli.anew("--help")  # compiles what is not compiled yet

    def cpu_seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        cli.anew("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_seconds() for _ in range(3)) < 0.3


def test_the_version_is_that_of_the_package(cli: Cli) -> None:
    assert cli.anew("--version").stdout.strip() == f"cure-tui {cure_tui.__version__}"


def test_the_interface_imports_only_light_rooms() -> None:
    imported = set()
    for path in (ROOT / "cure_tui").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("engine."):
                imported.add(node.module.split(".")[1])
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[1] for name in node.names if name.name.startswith("engine.")}
    assert imported <= LIGHT_ROOMS


def test_presets_lists_every_built_in_preset(cli: Cli) -> None:
    entries = json.loads(cli("presets", "--json").stdout)
    assert [entry["name"] for entry in entries] == sorted(path.stem for path in (ROOT / "presets").glob("*.toml"))
    assert all(entry["runs_here"] == (not entry["missing"]) for entry in entries)
    assert "qwen3-4b" in cli("presets").stdout


def test_a_broken_preset_of_the_user_hides_no_other(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "presets"
    folder.mkdir(parents=True)
    (folder / "broken.toml").write_text("rollout = \n")
    entries = {entry["name"]: entry for entry in json.loads(cli("presets", "--json").stdout)}
    assert "broken.toml:1" in entries["broken"]["missing"][0]["what"]
    assert "nano" in entries


def test_a_shown_preset_is_a_preset(cli: Cli, tmp_path: Path) -> None:
    shown = cli("presets", "show", "nano").stdout
    assert tomllib.loads(shown)["rollout"]["n_programs"] == 10
    mine = tmp_path / "mine.toml"
    mine.write_text(shown)
    assert cli("presets", "show", str(mine)).stdout == shown


def test_doctor_names_machine_sandbox_and_every_preset(cli: Cli) -> None:
    done = cli("doctor", "--json")
    report = json.loads(done.stdout)
    assert report["cores"] >= 1
    assert report["libraries"]["torch"]
    assert report["sandbox"]["level"] in "ABCD"
    assert {entry["name"] for entry in report["presets"]} >= {"nano", "qwen3-4b"}
    assert all(missing["remedy"] for entry in report["presets"] for missing in entry["missing"])
    works = report["sandbox"]["level"] != "D" and any(entry["runs_here"] for entry in report["presets"])
    assert done.returncode == (0 if works else 5)


def test_presets_names_the_variants_and_how_to_take_another(cli: Cli) -> None:
    done = cli("presets")
    assert "[48] 80" in done.stdout or "48 [80]" in done.stdout
    assert "--preset NAME@48" in done.stderr
    assert "your own presets: *.toml in" in done.stderr
    entries = {entry["name"]: entry for entry in json.loads(cli("presets", "--json").stdout)}
    assert entries["qwen2.5-14b"]["variants"] == ["48", "80"]
    assert entries["nano"]["variants"] == []
    assert tomllib.loads(cli("presets", "show", "qwen3-4b@80").stdout)["variant"] == "80"


def test_doctor_plans_a_presets_memory_on_any_card(cli: Cli) -> None:
    done = cli("doctor", "--preset", "qwen3-4b", "--gpu-memory", "24")
    assert done.returncode == 0
    for word in ("qwen3-4b@24", "Sampling", "Update", "KV cache", "optimiser", "24.00 GiB", "fits: 20.7 of 24.0 GiB"):
        assert word in done.stdout
    plan = json.loads(cli("doctor", "--preset", "qwen3-4b@48", "--gpu-memory", "24", "--json").stdout)
    assert (plan["variant"], plan["fits"], plan["parameters"]) == ("48", False, 4_022_468_096)
    assert plan["changes_that_fit"] == {"policy.precision": "nf4"}
    assert plan["answers"]["start"]["answers"] == 896
    assert plan["disk"]["gib"] > 1
    assert plan["seconds"]["first_learning"] > plan["seconds"]["start"] > 0
    peaks = {phase["name"]: sum(part["gib"] for part in phase["parts"]) for phase in plan["phases"]}
    assert peaks == pytest.approx({phase["name"]: phase["peak_gib"] for phase in plan["phases"]}, abs=0.01)


def test_doctor_checks_the_server_of_a_preset_that_one_trains(cli: Cli) -> None:
    preset = ("doctor", "--preset", "qwen3-32b-tinker")
    key = {"TINKER_API_KEY": "tml-any"}
    done = replace(cli, environment=cli.environment | key)(*preset, "--set", "policy.url=http://127.0.0.1:9", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["works"]) == (5, False)
    failed = report["checks"][-1]
    lacks = "no Tinker server answers at http://127.0.0.1:9" if find_spec("tinker") else "`tinker` is not installed"
    assert lacks in failed["said"]
    assert failed["remedy"]
    assert "--gpu-memory plans for a card" in cli(*preset, "--gpu-memory", "80").stderr
    assert "nano trains here (leave out --deep)" in cli("doctor", "--preset", "nano", "--deep").stderr


def test_doctor_plans_a_whole_run(cli: Cli) -> None:
    text = cli("doctor", "--preset", "qwen3-4b", "--gpu-memory", "24").stdout
    for line in (
        "start evaluation, 40 + 16 tasks x (8 + 8)", "a step, 8 tasks x (16 + 16), 4,096 long", "Host memory",
        "evaluations take 18% of the run's answers", "until the first update is done", "archive of rollouts",
    ):  # fmt: skip
        assert line in text
    assert max(map(len, text.splitlines())) <= 120


def test_without_a_card_doctor_plans_for_this_machine(cli: Cli) -> None:
    plan = json.loads(cli("doctor", "--preset", "nano", "--json").stdout)
    if cli("doctor", "--json").stdout.find('"gpus": []') < 0:
        pytest.skip("this machine has a GPU")
    assert plan["on_cpu"]
    assert "CPU thread" in plan["basis"]
    text = cli("doctor", "--preset", "nano").stdout
    assert "this machine without a GPU" in text
    assert "24" not in text.splitlines()[0].split("GiB")[0].split(",")[0]


def test_doctor_says_what_to_set_where_a_preset_does_not_fit(cli: Cli) -> None:
    done = cli("doctor", "--preset", "qwen3-4b@48", "--gpu-memory", "24")
    assert done.returncode == 5
    assert "does not fit: 25.8 GiB needed, 1.8 more than the GPU has" in done.stdout
    changes = next(line for line in done.stdout.splitlines() if "-> " in line).split("-> ")[1].split()
    assert cli("doctor", "--preset", "qwen3-4b@48", "--gpu-memory", "24", *changes).returncode == 0
    for arguments, says in (
        (("--gpu-memory", "24"), "error: --gpu-memory, --set and --deep need a preset"),
        (("--preset", "qwen3-4b@32"), "error: preset 'qwen3-4b' has no variant '32'"),
        (("--preset", "nano", "--set", "model.source=nobody/knows"), "error: the sizes of nobody/knows are unknown"),
    ):
        assert says in cli("doctor", *arguments).stderr


def test_doctor_reads_well_as_text(cli: Cli) -> None:
    text = cli("doctor").stdout
    for word in ("Machine", "memory", "Sandbox", "level", "Presets", "nano"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--preset", "nono", "--no-ui"), 2, "error: no preset 'nono' (did you mean 'nano'?)"),
        (("--preset", "/no/such.toml", "--no-ui"), 2, "error: no preset file '/no/such.toml'"),
        (("--preset", "nano", "--no-ui", "--set", "run.stepz=1"), 2, "did you mean 'run.steps'?"),
        (("--preset", "nano", "--no-ui", "--set", "run.steps"), 2, "not of the form section.key=value"),
        (("--no-ui",), 2, "error: a run needs a preset"),
        (("--steps", "3"), 2, "error: a run needs a preset"),
        (("--preset", "nano", "runs"), 2, "error: options of a new run stand before the command 'runs'"),
        (("--steps", "-1", "--preset", "nano"), 2, "--steps"),
        (("--nonsense",), 2, "--nonsense"),
        (("resume", "nothing"), 6, "error: there is no run 'nothing'"),
        (("export", "nothing"), 2, "--adapter DIR and --merged DIR"),
        (("export", "nothing", "--adapter", "a"), 6, "error: there is no run 'nothing'"),
        (("presets", "show", "nono"), 2, "did you mean 'nano'?"),
        (("resume", "nothing", "--minutes", "inf"), 2, "inf is not a finite number"),
        (("doctor", "--preset", "nano", "--gpu-memory", "inf"), 2, "inf is not a finite number"),
        (("solve", "-", "--temperature", "nan"), 2, "--temperature"),
        (("--preset", "nano", "--no-ui", "--run-dir", ""), 2, "the name of the folder is empty"),
        (("export", "nothing", "--adapter", ""), 2, "the name of the folder is empty"),
        (("--preset", "nano", "--no-ui", "--set", "rollout.sampler=vllm"), 5, 'or rollout.sampler="transformers"'),
        (("--preset", "nano", "--no-ui", "--set", "data.train=/dev/null"), 5, "/dev/null is not a readable file with"),
    ],
)
def test_a_mistake_is_answered_in_a_line_with_its_status(
    arguments: tuple[str, ...], status: int, says: str, cli: Cli, tmp_path: Path
) -> None:
    done = cli(*arguments)
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.glob("home/runs/*"))


@pytest.mark.parametrize("command", ["presets", "--help", "--version"])
def test_an_output_that_cannot_be_written_is_one_line(command: str, cli: Cli) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cure_tui", command],
            env=cli.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 6
    assert done.stderr.splitlines() == [
        "error: cannot write the output: no space left on device (send it to a file on a disk with free space)"
    ]


def test_a_reader_that_goes_away_leaves_no_traceback(cli: Cli) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "cure_tui", "presets"],
            env=cli.environment,
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode in (1, 6)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_preset_that_cannot_run_here_is_refused_with_what_is_missing(cli: Cli, tmp_path: Path) -> None:
    done = cli("--preset", "qwen3-4b", "--no-ui", "--run-dir", str(tmp_path / "run"))
    assert done.returncode == 5
    assert done.stderr.startswith("error: preset 'qwen3-4b' cannot run here: ")
    assert "train tasks" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_no_runs_is_no_error(cli: Cli) -> None:
    done = cli("runs")
    assert (done.returncode, done.stdout) == (0, "")
    assert cli("runs", "--json").stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "fault", "command"),
    [
        (["solve", "--nope"], "no such option: --nope", "cure-tui solve"),
        (["solve", "-n", "0", "x.md"], "invalid value for '-n'", "cure-tui solve"),
        (["solve", "--ui", "odd", "x.md"], "invalid value for '--ui': 'odd' is not one of", "cure-tui solve"),
        (["data", "fetch", "--nope"], "no such option: --nope", "cure-tui data fetch"),
        (["export"], "missing argument", "cure-tui export"),
        (["nosuch"], "no such command 'nosuch'", "cure-tui"),
        (["--preset"], "'--preset' requires an argument", "cure-tui"),
        (["--step", "3", "--preset", "nano"], "--step names a checkpoint of another run", ""),
    ],
)
def test_wrong_usage_is_one_line_with_its_remedy(cli: Cli, words: list[str], fault: str, command: str) -> None:
    done = cli(*words)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert fault in line
    assert not command or line.endswith(f"(see `{command} --help`)")
