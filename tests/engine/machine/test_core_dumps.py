"""Core dumps: real processes that take a key end by a signal, and leave none."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENDPOINT = '[endpoint."http://localhost:9/v1"]\n'
HOLDERS = {
    "a key of the environment": """
        from engine.servers.addresses import Address
        from engine.servers.settings import EndpointSettings, key_for
        assert key_for(Address("http://localhost:9/v1"), EndpointSettings(api_key_env="MY_KEY"))""",
    "a key of the settings": """
        from engine.servers.settings import read_endpoints
        assert read_endpoints().endpoint""",
    "a token of the hub": """
        from engine.data.hub import Hub
        assert Hub()._token""",
}
NO_KEY = """
        from engine.servers.addresses import Address
        from engine.servers.settings import EndpointSettings, key_for
        assert not key_for(Address("http://localhost:9/v1"), EndpointSettings())"""
END = "\nimport os, signal; os.kill(os.getpid(), signal.SIGABRT)"


def unlimited() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def dumps(tmp_path: Path, script: str, key: str) -> list[str]:
    """Return the files that a process leaves which runs `script` and dies of SIGABRT."""
    home, place = tmp_path / "home", tmp_path / "place"
    place.mkdir()
    home.mkdir()
    (home / "endpoints.toml").write_text(ENDPOINT + f'api_key = "{key}"\n')
    lines = "\n".join(line.strip() for line in script.splitlines())
    environment = os.environ | {
        "CURE_TUI_CONFIG": str(home), "MY_KEY": key, "HF_TOKEN": f"hf_{key}", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", lines + END], cwd=place, env=environment, preexec_fn=unlimited, capture_output=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGABRT, ended.stderr.decode()
    return os.listdir(place)


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_a_process_that_holds_a_key_leaves_no_core_dump(tmp_path: Path, holder: str) -> None:
    assert dumps(tmp_path, holder, "secret-1234") == []


def test_a_process_without_a_key_leaves_one_where_the_machine_keeps_them(tmp_path: Path) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    if most == 0 or pattern.startswith(("|", "/")):
        pytest.skip("this machine writes no core dump into the folder of a process")
    assert len(dumps(tmp_path, NO_KEY, "secret-1234")) == 1
