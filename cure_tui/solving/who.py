"""Model for both roles, coder and tester, where the user does not give one for each."""

from __future__ import annotations

from engine.errors import ConfigError

DEFAULT = "nano"


def both_roles(preset: str | None, model: str | None, adapter: str | None, needed: bool) -> str:
    """Return the model for both roles: from --preset, --model or --adapter, else the embedded model.

    needed: False if --coder and --tester are both given. Raises ConfigError for more models than roles.
    """
    given = [
        word
        for word, value in ((f"preset:{preset}", preset), (f"model:{model}", model), (f"run:{adapter}", adapter))
        if value
    ]
    if len(given) > 1:
        raise ConfigError("--preset, --model and --adapter each name a model for both roles", "give one of them")
    if given and not needed:
        raise ConfigError(f"--coder and --tester leave no role for {given[0]}", "leave out one of the three")
    return given[0] if given else DEFAULT
