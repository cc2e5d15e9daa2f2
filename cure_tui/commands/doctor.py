"""`cure-tui doctor`: what can run on this machine, and a remedy for each "no". Loads no framework."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cure_tui.preset_list import PresetEntry
    from engine.config import Machine
    from engine.sandbox import SandboxLevel


def doctor(as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False) -> None:
    """Tell what can run on this machine, and what to do where something cannot.

    Exit status 5 if no preset can run or programs cannot be confined.
    """
    from cure_tui.preset_list import preset_entries
    from engine.config import probe_machine
    from engine.errors import EnvironmentError_
    from engine.runs.home import runs_home
    from engine.sandbox import sandbox_level

    machine = probe_machine(runs_home())
    sandbox = sandbox_level()
    presets = preset_entries(machine)
    if as_json:
        typer.echo(json.dumps(_as_json(machine, sandbox, presets)))
    else:
        typer.echo("\n".join(_as_text(machine, sandbox, presets)))
    if not sandbox.confined or not any(entry.runs_here for entry in presets):
        raise typer.Exit(EnvironmentError_.exit_status)


def _as_text(machine: Machine, sandbox: SandboxLevel, presets: list[PresetEntry]) -> Iterator[str]:
    from engine.runs.home import runs_home

    gpus = [f"{gpu.name}, {gpu.memory_gb:.0f} GiB ({gpu.free_gb:.0f} free)" for gpu in machine.gpus]
    yield "Machine"
    yield f"  python     {machine.python} on {machine.system}"
    yield f"  cores      {machine.cores}"
    yield f"  memory     {machine.memory_gb:.1f} GiB ({machine.free_memory_gb:.1f} free)"
    yield f"  disk       {machine.disk_free_gb:.1f} GiB free for runs in {runs_home()}"
    yield f"  GPU        {'; '.join(gpus) or 'none: presets that need one say so below'}"
    yield f"  libraries  {', '.join(f'{name} {version}' for name, version in machine.libraries)}"
    yield ""
    yield "Sandbox"
    yield f"  level {sandbox.letter}: {sandbox.summary}"
    yield from (f"  not better because {reason}" for reason in sandbox.reasons)
    if sandbox.remedy:
        yield f"  -> {sandbox.remedy}"
    yield ""
    yield "Presets"
    for entry in presets:
        yield f"  {'yes' if entry.runs_here else 'no':<4} {entry.name}"
        yield from (f"         {missing.what}\n           -> {missing.remedy}" for missing in entry.missing)


def _as_json(machine: Machine, sandbox: SandboxLevel, presets: list[PresetEntry]) -> dict[str, object]:
    return {
        "python": machine.python,
        "system": machine.system,
        "cores": machine.cores,
        "memory_gb": round(machine.memory_gb, 2),
        "free_memory_gb": round(machine.free_memory_gb, 2),
        "disk_free_gb": round(machine.disk_free_gb, 2),
        "gpus": [
            {"name": gpu.name, "memory_gb": round(gpu.memory_gb, 2), "free_gb": round(gpu.free_gb, 2)}
            for gpu in machine.gpus
        ],
        "libraries": dict(machine.libraries),
        "sandbox": {
            "level": sandbox.letter,
            "summary": sandbox.summary,
            "reasons": list(sandbox.reasons),
            "remedy": sandbox.remedy,
        },
        "presets": [entry.to_json() for entry in presets],
    }
