"""Lines about a run's model and tasks: what is on this machine, and what its start fetches."""

from __future__ import annotations

from engine.config import RunConfig
from engine.errors import CureError
from engine.machine.model_folders import download_gb, model_folder
from engine.machine.resources import source_path

_SPLITS = ("train", "validation", "heldout")


def data_lines(config: RunConfig) -> list[str]:
    """Return two lines: the model, and the tasks of each split with the size of their file."""
    fetched = download_gb(config.model.source, config.model.parameters_b)
    here = "on this machine" if model_folder(config.model.source) else "not here"
    model = f"{fetched:.1f} GB are fetched first" if fetched else here
    found = ", ".join(f"{split} {_size(getattr(config.data, split))}" for split in _SPLITS)
    return [f"model   {config.model.source}: {model}", f"tasks   {found}"]


def _size(source: str) -> str:
    try:
        path = source_path(source)
        kilobytes = sum(each.stat().st_size for each in ([path] if path.is_file() else path.iterdir())) / 1000
    except (CureError, OSError):
        return "not here"
    return f"{kilobytes:,.0f} kB" if kilobytes < 1000 else f"{kilobytes / 1000:,.1f} MB"
