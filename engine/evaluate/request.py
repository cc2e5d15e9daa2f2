"""Request of an evaluation: who, on what, how; the same type on both sides of the process border."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from engine.errors import ConfigError, DataError
from engine.evaluation.reading import read_strictly
from engine.evaluation.report import BASELINE, CODER, ONE_SHOT, TESTER
from engine.servers.addresses import Address
from engine.servers.settings import endpoints_file
from engine.solve.kept.identity import absolute_spec, identity_of
from engine.solve.strategies import Budget, refuse_unbound_limits
from engine.solve.writers.spec import WriterSpec, parse_spec

Size = tuple[int, int]
_NOT_IN_KEY = ("identity", "allow_unsandboxed", "budget")
_LATER = ("strategies",)
"""Parts of a request that those of earlier versions lack; left out, they do not change its key."""
_SHARED = ("the version of cure-tui", "the installed libraries")


@dataclass(frozen=True, slots=True)
class EvalRequest:
    """Request of an evaluation.

    coder, tester: see `engine.solve.writers.spec`, absolute. data: name of a set, or the path of a file. split: of the
    set, "" for the one that is meant for evaluation. after: ISO date, "" for all. limit: tasks at most, 0 for all.
    temperature, max_tokens: None leaves them to the models. protocol: "cure" or "". identity: of the models' files.
    baseline_tester: writes other tests for the same programs; one_shot: writes one program a task; specs, or "".
    budget: as of solving, a total over all sessions; "" for none. strategies: names of `engine.evaluate.ways`.
    """

    coder: str
    tester: str
    data: str
    split: str = ""
    limit: int = 0
    after: str = ""
    n: int = 16
    m: int = 16
    bon: tuple[str, ...] = ("4x4", "16x16")
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int = 0
    truth_tests: int = 8
    protocol: str = ""
    baseline_tester: str = ""
    one_shot: str = ""
    budget: str = ""
    allow_unsandboxed: bool = False
    identity: Mapping[str, str] = field(default_factory=dict)
    strategies: tuple[str, ...] = ()

    @property
    def specs(self) -> dict[str, WriterSpec]:
        """Writers by what they write for: coder, tester, and the arms that are asked for."""
        texts = {CODER: self.coder, TESTER: self.tester, BASELINE: self.baseline_tester, ONE_SHOT: self.one_shot}
        return {name: parse_spec(text) for name, text in texts.items() if text}

    @property
    def sizes(self) -> tuple[Size, ...]:
        return tuple(map(parse_size, self.bon))

    @property
    def key(self) -> str:
        """Name of what is asked, whatever the models' files are now: the same command has the same key."""
        asked = {
            name: value
            for name, value in asdict(self).items()
            if name not in _NOT_IN_KEY and (value or name not in _LATER)
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes, origin: str = "the request") -> EvalRequest:
        """Read the text of `to_json`. Raises DataError."""
        try:
            return read_strictly(cls, text)
        except ValueError as fault:
            raise DataError(f"{origin} is no request of an evaluation: {fault}") from fault


def parse_size(text: str) -> Size:
    """Parse "4x4": programs and tests of a best-of-n. Raises ConfigError."""
    n, cross, m = text.partition("x")
    if not cross or not n.isdecimal() or not m.isdecimal() or not int(n) or not int(m):
        raise ConfigError(f"'{text}' is no size of best of n", "write programs x tests, such as 4x4 or 16x16")
    return int(n), int(m)


def with_identity(request: EvalRequest) -> EvalRequest:
    """Return the request with absolute specs and the present identity of its models.

    Raises CureError: no such run, preset or model; a size of best of n larger than n and m; a budget that
    no price binds.
    """
    for n, m in request.sizes:
        if n > request.n or m > request.m:
            raise ConfigError(
                f"best of {n}x{m} needs more than -n {request.n} and -m {request.m}", "sample more, or change --bon"
            )
    specs = {name: absolute_spec(spec) for name, spec in request.specs.items()}
    _refuse_idle_arms(specs)
    refuse_unbound_limits(tuple(specs.values()), Budget.parse(request.budget))
    for spec in specs.values():
        if spec.kind == "openai" and spec.url and Address.parse(spec.url).login:
            raise ConfigError(
                "an address with a password cannot be kept for resuming",
                f"give the server's key in {endpoints_file()}",
            )
    local = [spec for spec in dict.fromkeys(specs.values()) if spec.kind != "openai"]
    identity = {name: value for name, value in identity_of(local).items() if name not in _SHARED}
    coder, tester, baseline, one_shot = (str(specs.get(name, "")) for name in (CODER, TESTER, BASELINE, ONE_SHOT))
    return replace(request, coder=coder, tester=tester, baseline_tester=baseline, one_shot=one_shot, identity=identity)


def _refuse_idle_arms(specs: Mapping[str, WriterSpec]) -> None:
    """Raise ConfigError for an arm whose model plays that role already: its answers would be paid for nothing."""
    for arm, option, role in ((BASELINE, "--baseline-tester", TESTER), (ONE_SHOT, "--one-shot", CODER)):
        if specs.get(arm) == specs[role]:
            raise ConfigError(
                f"{option} names the {role} itself, {specs[arm]}, which the table shows anyway", "name another model"
            )
