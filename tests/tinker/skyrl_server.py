"""Real SkyRL server with its JAX backend on the CPU, which trains and samples an fp32 copy of nano."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch
from safetensors.torch import load_file, save_file

from tests.real_server import wait_for_server

ENVIRONMENT = Path(os.environ.get("CURE_TUI_TINKER_VENV", Path(__file__).parents[2] / ".venv-tinker"))
NANO = Path(__file__).parents[2] / "assets" / "nano"
# Every new batch size compiles: engine.policy.tinker.datum fills up to 16.
BACKEND = {
    "max_lora_adapters": 3,  # slot 0 is the base: a policy and its reference take all the others
    "max_lora_rank": 16,
    "sample_max_num_sequences": 32,
    "train_micro_batch_size": 16,
}
START_SECONDS = 300.0


def installed() -> bool:
    """Tell whether `make install-tinker` has been run here."""
    return (ENVIRONMENT / "installed").exists()


def fp32_copy(folder: Path) -> Path:
    """Write nano in fp32: adapters and Adam's moments take the model's precision there."""
    shutil.copytree(NANO, folder, ignore=shutil.ignore_patterns("tasks", "*.md"))
    folder.chmod(0o755)
    weights = folder / "model.safetensors"
    save_file({name: each.to(torch.float32) for name, each in load_file(weights).items()}, weights, {"format": "pt"})
    config = folder / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "dtype": "float32"}))
    return folder


@dataclass
class SkyRLServer:
    """Server process with its engine. A killed one is started again at the same address with the same database."""

    folder: Path
    model: Path
    backend: dict[str, int] = field(default_factory=lambda: dict(BACKEND))
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> SkyRLServer:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        log = self.folder / "server.log"
        # `uv run` because the server starts its engine by the command line of its parent.
        command = [
            *("uv", "run", "--no-project", "--python", str(ENVIRONMENT / "bin" / "python"), "-m", "skyrl.tinker.api"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--base-model", str(self.model), "--backend", "jax"),
            *("--database-url", f"sqlite:///{self.folder / 'tinker.db'}"),
            *("--checkpoints-base", str(self.folder / "checkpoints"), "--backend-config", json.dumps(self.backend)),
        ]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for_server(f"{self.url}/api/v1/healthz", self.process, log, START_SECONDS)
        return self

    def kill(self) -> None:
        """Kill the server and its engine at once, as a power cut would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def kill_engine(self) -> None:
        """Kill the engine alone; the server ends some seconds later."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if any("skyrl.tinker.engine" in word for word in child.cmdline()):
                child.kill()


def _environment() -> dict[str, str]:
    """Return the server's environment: nothing of the tests' but paths, and compiled code kept beside the packages."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PATH": f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}",
        "UV_OFFLINE": "1",
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(ENVIRONMENT / "compiled"),
        "JAX_PERSISTENT_COMPILATION_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_COMPILATION_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
