"""`cure-tui doctor`: what can run on this machine, and a remedy for each "no". It imports no framework."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cure_tui.commands.presets import preset_names
from cure_tui.commands.values import finite
from engine.errors import ConfigError, EnvironmentError_

if TYPE_CHECKING:
    from cure_tui.launch.presets import PresetEntry
    from engine.machine.probe import Machine
    from engine.machine.run_plan import Room
    from engine.sandbox import SandboxLevel


def doctor(
    preset: Annotated[
        str | None,
        typer.Option(
            help="Print the plan of a run instead: memory, answers, time, disk; NAME@48 takes a variant.",
            autocompletion=preset_names,
        ),
    ] = None,
    gpu_memory: Annotated[
        float | None,
        typer.Option(
            min=1, callback=finite, metavar="GIB", help="Plan for a GPU of this size instead of this machine's."
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Plan with this setting overridden; repeatable."),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="With a preset that a server trains: probe it on a throw-away model.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check what can run on this machine, with a remedy for the rest.

    With --preset: plan a run before anything is downloaded: its memory part by part, its answers, time and disk. Of a
    preset that a server trains, check the server.
    """
    if preset is not None:
        _plan(preset, overrides or [], gpu_memory, deep=deep, as_json=as_json)
        return
    if gpu_memory is not None or overrides or deep:
        raise ConfigError("--gpu-memory, --set and --deep need a preset", "add --preset qwen3-4b")
    from cure_tui.launch.presets import preset_entries
    from engine.machine.home import runs_home
    from engine.machine.probe import probe_machine
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


def _plan(preset: str, overrides: list[str], gpu_memory: float | None, *, deep: bool, as_json: bool) -> None:
    from cure_tui.launch.plan_report import plan_as_json, plan_as_text
    from engine.machine.home import runs_home
    from engine.machine.probe import probe_machine
    from engine.machine.run_plan import Room, plan_run
    from engine.presets import DESIGN_GB, load_preset, preset_variants

    here = Room.of(probe_machine(runs_home()))
    room = here if gpu_memory is None else here.with_card(gpu_memory)
    size = DESIGN_GB if room.gpu is None else room.gpu.memory_gb
    config = load_preset(preset, overrides, gpu_memory_gb=size)
    if config.policy.engine != "local":
        _check_server(preset, overrides, gpu_memory, deep=deep, as_json=as_json)
    if deep:
        raise ConfigError(f"--deep probes a server, and {config.name} trains here", "leave out --deep")
    plan = plan_run(config, room)
    if plan is None:
        raise EnvironmentError_(
            f"the sizes of {config.model.source} are unknown: the model is not on this machine",
            f"run `hf download {config.model.source} config.json` first",
        )
    variants = preset_variants(preset)
    if as_json:
        typer.echo(json.dumps(plan_as_json(plan, variants)))
    else:
        typer.echo("\n".join(plan_as_text(plan, variants, _place(room, gpu_memory))))
    if not plan.memory.fits:
        raise typer.Exit(EnvironmentError_.exit_status)


def _check_server(
    preset: str, overrides: list[str], gpu_memory: float | None, *, deep: bool, as_json: bool
) -> NoReturn:
    """Print the checks of the server that trains a preset, and exit."""
    from cure_tui.launch.process import run_tool

    if gpu_memory is not None:
        raise ConfigError(f"--gpu-memory plans for a card, and a server trains {preset}", "leave out --gpu-memory")
    settings = [word for override in overrides for word in ("--set", override)]
    switches = [name for name, chosen in (("--deep", deep), ("--json", as_json)) if chosen]
    raise typer.Exit(run_tool("engine.train.server_check", ["--preset", preset, *settings, *switches]))


def _place(room: Room, gpu_memory: float | None) -> str:
    """Name the machine that a plan is for."""
    if gpu_memory is not None:
        return f"a card of {gpu_memory:g} GiB"
    if room.gpu is not None:
        free = f", {room.gpu.free_gb:.1f} free" if room.gpu.memory_gb - room.gpu.free_gb >= 0.05 else ""
        return f"{room.gpu.name}, {room.gpu.memory_gb:.1f} GiB{free}"
    cores = "1 core" if room.cores == 1 else f"{room.cores} cores"
    return f"this machine without a GPU: {cores}, {room.memory_gib:.1f} GiB of RAM (--gpu-memory plans for a card)"


def _as_text(machine: Machine, sandbox: SandboxLevel, presets: list[PresetEntry]) -> Iterator[str]:
    from cure_tui.launch.exposed import exposed_keys
    from engine.machine.home import runs_home
    from engine.sandbox import found_libraries

    yield "Machine"
    yield f"  python     {machine.python} on {machine.system}"
    yield f"  cores      {machine.cores}"
    yield f"  memory     {machine.memory_gb:.1f} GiB ({machine.free_memory_gb:.1f} free)"
    yield f"  disk       {machine.disk_free_gb:.1f} GiB free for runs in {runs_home()}"
    yield from _gpu_as_text(machine)
    yield f"  libraries  {', '.join(f'{name} {version}' for name, version in machine.libraries)}"
    yield ""
    yield "Sandbox"
    yield f"  level {sandbox.letter}: {sandbox.summary}"
    yield f"  libraries that programs may import in `solve`: {', '.join(map(str, found_libraries())) or 'none'}"
    yield from (f"  no higher level because {reason}" for reason in sandbox.reasons)
    if sandbox.remedy:
        yield f"  -> {sandbox.remedy}"
    warnings = list(exposed_keys())
    if warnings:
        yield ""
        yield "Keys"
        yield from (f"  {warning}" for warning in warnings)
    yield ""
    yield from _solve_as_text(machine)
    yield ""
    yield "Presets"
    for entry in presets:
        fetched = f"  (downloads {entry.download_gb:.0f} GB)" if entry.download_gb else ""
        variant = f"@{entry.variant}" if entry.variant else ""
        yield f"  {'yes' if entry.runs_here else 'no':<4} {entry.name}{variant}{fetched}"
        yield from (f"         {missing.what}\n           -> {missing.remedy}" for missing in entry.missing)


def _gpu_as_text(machine: Machine) -> Iterator[str]:
    """Yield what a run on a GPU needs: the cards, numbered as `vllm.device` does, driver, compiler and headers."""
    from engine.machine.libraries import oldest_driver

    hidden = f"{machine.hidden_gpus} hidden by CUDA_VISIBLE_DEVICES"
    if not machine.gpus:
        reason = f" ({hidden})" if machine.hidden_gpus else ""
        yield f"  GPU        none{reason}; the presets that need one are marked below"
    for number, gpu in enumerate(machine.gpus):
        size = f"{gpu.memory_gb:.1f} GiB ({gpu.free_gb:.1f} free)"
        capability = f", compute capability {gpu.capability[0]}.{gpu.capability[1]}" if gpu.capability else ""
        trains = ", trains" if len(machine.gpus) > 1 and gpu == machine.card else ""
        yield f"  GPU {number:<6} {gpu.name}, {size}{capability}{trains}"
    if machine.gpus and machine.hidden_gpus:
        yield f"  GPU        {hidden}"
    if machine.driver.version:
        needed = f"{oldest_driver(machine)} or newer needed"
        yield f"  driver     {machine.driver.version}, supports CUDA {machine.driver.cuda}; {needed}"
    if machine.gpus:
        headers = "with" if machine.python_headers else "without"
        yield f"  compiler   {machine.compiler or 'none'}, {headers} Python.h (Triton builds kernels at run time)"


def _solve_as_text(machine: Machine) -> Iterator[str]:
    from cure_tui.solving.at_hand import models_at_hand
    from cure_tui.solving.default import check_saved, in_words, read_default
    from cure_tui.solving.kept import kept_processes

    yield "Solve"
    try:
        default = read_default()
        check_saved(default)
    except ConfigError as error:
        yield f"  default    {error.message}\n           -> {error.remedy}"
    else:
        yield f"  default    {in_words(default) or 'nano; save another: cure-tui solve --save-default --model NAME'}"
    at_hand = models_at_hand(machine)
    yield from (f"  at hand    {model.options}  ({model.place})" for model in at_hand)
    if not at_hand:
        yield "  at hand    nothing but nano: no chat model in the hub's cache, no GPU with a preset, no local server"
    kept = kept_processes()
    yield from (f"  kept       {info}" for info in kept)
    if kept:
        yield "           -> cure-tui solve --keep 0 ends it"


def _solve_as_json(machine: Machine) -> dict[str, object]:
    from cure_tui.solving.at_hand import models_at_hand
    from cure_tui.solving.default import Default, check_saved, default_file, read_default
    from cure_tui.solving.kept import kept_processes

    default, fault = Default(), ""
    try:
        default = read_default()
        check_saved(default)
    except ConfigError as error:
        fault = error.message
    return {
        "default": {"path": str(default_file()), "options": default, "fault": fault},
        "at_hand": [asdict(model) for model in models_at_hand(machine)],
        "kept": [asdict(info) for info in kept_processes()],
    }


def _as_json(machine: Machine, sandbox: SandboxLevel, presets: list[PresetEntry]) -> dict[str, object]:
    from cure_tui.launch.exposed import exposed_keys
    from engine.sandbox import found_libraries

    return {
        "python": machine.python,
        "system": machine.system,
        "cores": machine.cores,
        "memory_gb": round(machine.memory_gb, 2),
        "free_memory_gb": round(machine.free_memory_gb, 2),
        "disk_free_gb": round(machine.disk_free_gb, 2),
        "gpus": [
            {
                "name": gpu.name,
                "memory_gb": round(gpu.memory_gb, 2),
                "free_gb": round(gpu.free_gb, 2),
                "uuid": gpu.uuid,
                "capability": gpu.capability,
                "trains": gpu == machine.card,
            }
            for gpu in machine.gpus
        ],
        "hidden_gpus": machine.hidden_gpus,
        "compiler": machine.compiler,
        "python_headers": machine.python_headers,
        "driver": {"version": machine.driver.version, "cuda": machine.driver.cuda, "fault": machine.driver.fault},
        "libraries": dict(machine.libraries),
        "sandbox": {
            "level": sandbox.letter,
            "summary": sandbox.summary,
            "reasons": list(sandbox.reasons),
            "remedy": sandbox.remedy,
            "libraries": {library.name: library.version for library in found_libraries()},
        },
        "solve": _solve_as_json(machine),
        "presets": [entry.to_json() for entry in presets],
        "exposed_keys": list(exposed_keys()),
    }
