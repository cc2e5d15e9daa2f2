"""Check of the Tinker server of a preset: `python -m engine.train.server_check --preset NAME [--deep]`.

stdout has a line for each check, with a remedy under one that failed; --json makes it one object. Without --deep
nothing is trained and no model is created. The exit status is that of `engine.errors` for the first failure.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from engine.config import RunConfig
from engine.errors import CureError
from engine.machine.libraries import TINKER_KEY
from engine.machine.memory_plan import shape_of
from engine.machine.resources import source_path
from engine.presets import load_preset
from engine.printable import print_printable, printable

_NOT_PROBED = "--deep asks it on a throw-away model"
_NOT_HERE = "GPU, driver and memory of this machine: nothing is trained here"
_STATE_BYTES_A_PARAMETER = 12
"""Of an adapter with both of Adam's moments, in fp32."""


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one check. ok: None for what was left out."""

    name: str
    ok: bool | None
    said: str
    remedy: str = ""

    def __str__(self) -> str:
        answer = {True: "yes", False: "no", None: "-"}[self.ok]
        line = f"  {answer:<4} {self.name:<10} {self.said}"
        return f"{line}\n                  -> {self.remedy}" if self.remedy else line


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.train.server_check", description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--deep", action="store_true", help="probe the server on a throw-away model")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args(argv)
    found: list[Check] = []

    def add(check: Check) -> None:
        found.append(check)
        if not arguments.json:
            print(printable(str(check), keep="\n"), flush=True)

    try:
        config = load_preset(arguments.preset, arguments.set)
    except CureError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return error.exit_status
    if not arguments.json:
        print(f"Server of {printable(config.name)}: {printable(config.policy.url)}")
    status = check(config, add, deep=arguments.deep)
    if arguments.json:
        print(json.dumps({"url": config.policy.url, "works": not status, "checks": [asdict(each) for each in found]}))
    return status


def check(config: RunConfig, add: Callable[[Check], object], *, deep: bool) -> int:
    """Check the server of `config`, each result to `add`; return 0, or the exit status of the first failure."""
    from engine.policy.tinker.client import TinkerClient
    from engine.policy.tinker.connection import load_sdk, read_key
    from engine.policy.tinker.probes import Finding, check_server
    from engine.sampling.adapters import agreement_bound

    policy, stage = config.policy, "client"
    try:
        add(Check(stage, True, f"tinker {load_sdk().__version__}"))
        stage = "key"
        read_key()
        add(Check(stage, True, f"in {TINKER_KEY}"))
        stage = "server"
        client = TinkerClient.open(policy.url, str(source_path(config.model.source)), policy.lora_rank)
        try:
            connection, context = client.connection, client.context_length
            said = f"context of {context:,} tokens" if context else "the server does not say its context"
            add(Check(stage, True, f"answers in {1000 * connection.ping_seconds:.0f} ms; a session can be opened"))
            add(Check("model", True, f"{connection.served.name}; {said}"))
            add(Check("disk", None, _disk(config)))
            if deep:
                stage = "probes"

                def told(finding: Finding) -> None:
                    add(Check(finding.name, True, finding.said))

                check_server(
                    client, agreement_bound(config.model.dtype, config.model.dtype), deep=True, on_finding=told
                )
            else:
                add(Check("probes", None, "of what the server computes: not run", _NOT_PROBED))
        finally:
            client.close()
    except CureError as error:
        add(Check(stage, False, error.message, error.remedy))
        return error.exit_status
    add(Check("not asked", None, _NOT_HERE))
    return 0


def _disk(config: RunConfig) -> str:
    """Say what the server's disk has to hold, which cannot be asked for."""
    kept = config.run.keep_checkpoints + 1  # the best one may be older
    shape = shape_of(config.model.source)
    if shape is None:
        return f"{kept} states of the adapter and its optimiser are kept on the server"
    gigabytes = shape.lora_parameters(config.policy.lora_rank) * _STATE_BYTES_A_PARAMETER / 1e9
    return f"{kept} states of {gigabytes:.2g} GB each are kept on the server"


if __name__ == "__main__":
    print_printable()
    sys.exit(main())
