"""`cure-tui serve`: the dashboard in a browser, by the optional package textual-serve."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import sys
from typing import Annotated

import typer

from engine.errors import EnvironmentError_
from engine.machine.extras import install_extra

_FOR_OTHERS = """\
warning: other machines can reach {host}, and the connection is not encrypted: anyone who sees the address below, or
reads the traffic, can start and stop runs on this machine. Safer: leave it at --host 127.0.0.1, and on the other
machine run ssh -L {port}:127.0.0.1:{port} THIS-MACHINE"""


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 chooses a free one.")] = 8000,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; 0.0.0.0 lets other machines in.",
            show_default="one of 127.0.0.0/8, drawn anew each time",
        ),
    ] = "",
) -> None:
    """Show the dashboard in a browser; closing it does not stop a run."""
    try:
        from cure_tui.web.server import DashboardServer
        from engine.servers.connections import listen
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith(("cure_tui", "engine")):
            raise
        lacking = f"the dashboard in a browser needs {(missing.name or '').partition('.')[0]}"
        raise EnvironmentError_(lacking, install_extra("serve")) from missing
    host = host or fresh_loopback_address()
    listening = listen(host, port)
    address, port = listening.getsockname()[:2]
    if not ipaddress.ip_address(address).is_loopback:
        print(_FOR_OTHERS.format(host=host, port=port), file=sys.stderr)
    DashboardServer(listening, host).serve()


def fresh_loopback_address() -> str:
    """Draw an address of this machine, so that the page's origin is one where no server was before.

    A browser keeps service workers and cached files of an origin, host and port, beyond the server that sent them.
    Those of another user's server, which had the port before, would be given the page's address, and with it the key.
    """
    drawn = f"127.{1 + secrets.randbelow(255)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    with socket.socket() as tried:
        try:
            tried.bind((drawn, 0))
        except OSError:  # systems that give the loopback interface a single address, such as macOS
            return "127.0.0.1"
    return drawn
