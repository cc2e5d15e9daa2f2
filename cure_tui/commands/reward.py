"""`cure-tui reward serve`: rewards for trainers of other projects, over HTTP on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cure_tui.commands.presets import preset_names
from cure_tui.exit_codes import epilog
from engine.errors import EnvironmentError_
from engine.machine.extras import install_extra

reward_app = typer.Typer(rich_markup_mode=None, help="Give the rewards of programs and tests to other trainers.")


@reward_app.callback()
def reward() -> None:
    """Give the rewards of programs and tests to other trainers."""


@reward_app.command("serve", epilog=epilog("reward"))
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 chooses a free one.")] = 8077,
    preset: Annotated[
        str, typer.Option(help="Preset whose sections reward and sandbox decide.", autocompletion=preset_names)
    ] = "nano",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a setting of the preset; repeatable."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File for the key; by default reward-PORT.key in the folder of your data."),
    ] = None,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Run programs even without a sandbox (level D).")
    ] = False,
) -> None:
    """Serve rewards on 127.0.0.1, behind a key: programs and tests in, pass matrix and rewards out.

    The address goes to stdout, the key to a file that only you can read. Ctrl-C ends the server.
    """
    try:
        from engine.rewarding.serving.server import HOST, RewardServer
        from engine.servers.connections import listen
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith(("cure_tui", "engine")):
            raise
        lacking = f"a server of rewards needs {(missing.name or '').partition('.')[0]}"
        raise EnvironmentError_(lacking, install_extra("serve")) from missing
    from engine.machine.home import home
    from engine.rewarding import Rewarder
    from engine.rewarding.serving.key_file import kept_in, new_key
    from engine.rewarding.serving.request import MOST_TRUTH

    settings = [*(overrides or []), f"rollout.truth_tests={MOST_TRUTH}"]  # a client's tests are all meant
    settings += ["sandbox.allow_unconfined=true"] if allow_unsandboxed else []
    rewarder = Rewarder.of_preset(preset, settings)
    with listen(HOST, port) as listening, rewarder:
        key, file = new_key(), key_file or home() / f"reward-{listening.getsockname()[1]}.key"
        server = RewardServer(listening, rewarder, key)
        level = rewarder.executor.level

        def tell() -> None:
            print(server.address, flush=True)
            print(
                f"key: {file}\nsandbox level {level.letter}: {level.summary}\nCtrl-C ends the server.", file=sys.stderr
            )

        with kept_in(file, key):
            server.serve(tell)
