"""Warning of settings with a key in them that other users of the machine can read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from engine.machine.regular_files import open_regular, read_all, readable_by_others

_KEY = re.compile(rb"^\s*[\"']?api_key[\"']?\s*=\s*[\"'][^\"']", re.MULTILINE)
_MOST_BYTES = 1 << 20


def exposed_keys() -> Iterator[str]:
    """Yield a sentence for each of the user's settings files with a key that others can read, and its remedy."""
    from engine.presets import user_presets_folder

    folder = user_presets_folder()
    for path in (folder.parent / "endpoints.toml", *sorted(folder.glob("*.toml"))):
        if readable_by_others(path):
            try:
                with open(open_regular(str(path.resolve())), "rb") as file:
                    holds_key = _KEY.search(read_all(file.fileno(), path.name, _MOST_BYTES)) is not None
            except OSError:
                continue
            if holds_key:
                name = shlex.quote(str(path))
                yield f"other users of this machine can read the key in {path}: chmod 600 {name}"
