"""Who writes programs and tests, where the user has not said it for either role."""

from __future__ import annotations

from engine.errors import ConfigError

DEFAULT = "nano"


def both_roles(preset: str | None, model: str | None, adapter: str | None, needed: bool) -> str:
    """The one word that stands for both roles: of --preset, --model and --adapter, else the embedded model.

    `needed`: False where --coder and --tester are both given, and the three are one too many.
    """
    given = [
        word
        for word, value in ((f"preset:{preset}", preset), (f"model:{model}", model), (f"run:{adapter}", adapter))
        if value
    ]
    if len(given) > 1:
        raise ConfigError("--preset, --model and --adapter each name a model for both roles", "give one of them")
    if given and not needed:
        raise ConfigError(f"--coder and --tester leave nothing for {given[0]}", "leave one of the three out")
    return given[0] if given else DEFAULT
