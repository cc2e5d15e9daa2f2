"""Model for both roles, coder and tester, where the user gives one for both."""

from __future__ import annotations

from engine.errors import ConfigError


def both_roles(preset: str | None, model: str | None, adapter: str | None, needed: bool) -> str | None:
    """Return the model for both roles: from --preset, --model or --run; None if none of them is given.

    needed: False if --coder and --tester are both given. Raises ConfigError for more models than roles.
    """
    given = [
        word
        for word, value in ((f"preset:{preset}", preset), (f"model:{model}", model), (f"run:{adapter}", adapter))
        if value
    ]
    if len(given) > 1:
        raise ConfigError("--preset, --model and --run each name a model for both roles", "give one of them")
    if given and not needed:
        raise ConfigError(f"--coder and --tester leave no role for {given[0]}", "leave out one of the three")
    return given[0] if given else None
