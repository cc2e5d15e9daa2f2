"""Settings of OpenAI-compatible servers: keys, prices and limits, from the environment and one file.

`endpoints.toml` in the folder of the user's settings, `~/.config/cure-tui` on Linux:

    [endpoint."http://localhost:8000/v1"]
    api_key_env = "MY_KEY"        # or api_key = "..."
    concurrency = 8               # concurrent requests
    timeout_seconds = 300
    prompts = "full"              # or "short", for a server that holds nano

    [price."gpt-4o-mini"]         # dollars per million tokens
    input = 0.15
    output = 0.60
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import ConfigError
from engine.machine.home import settings_home
from engine.prompts import PromptStyle

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
_KEY = re.compile(r"[!-~]*")


class EndpointSettings(BaseModel):
    """Settings of one address. Without a key, none is sent: most local servers need none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: str = Field(default="", repr=False)
    api_key_env: str = ""
    concurrency: int = Field(default=8, ge=1, le=256)
    timeout_seconds: float = Field(default=300.0, gt=0, le=86_400)
    retries: int = Field(default=5, ge=0, le=50)
    prompts: PromptStyle = PromptStyle.FULL


class Price(BaseModel):
    """Price in dollars per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(ge=0)
    output: float = Field(ge=0)

    def dollars(self, prompt_tokens: int, tokens: int) -> float:
        return (self.input * prompt_tokens + self.output * tokens) / 1e6


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    endpoint: dict[str, EndpointSettings] = {}
    price: dict[str, Price] = {}


@dataclass(frozen=True)
class Endpoint:
    """Model at an address, with settings, price and key; `repr` leaves the key out."""

    model: str
    url: str
    settings: EndpointSettings
    price: Price | None
    key: str = field(default="", repr=False)


def endpoints_file() -> Path:
    return settings_home() / "endpoints.toml"


def find_endpoint(model: str, url: str = "") -> Endpoint:
    """Return the endpoint for `openai:MODEL@URL`; without a URL, OpenAI's own.

    OPENAI_API_KEY is sent to OpenAI only: another address gets a key only if the file names one for it. Raises
    ConfigError for an invalid file and for a missing key.
    """
    url = (url or OPENAI_URL).rstrip("/")
    known = _read(endpoints_file())
    settings = {address.rstrip("/"): each for address, each in known.endpoint.items()}.get(url, EndpointSettings())
    variable = settings.api_key_env or (OPENAI_KEY if url == OPENAI_URL and not settings.api_key else "")
    key = (settings.api_key or (os.environ.get(variable, "") if variable else "")).strip()
    if variable and not key:
        raise ConfigError(f"no API key for {url}", f"set the environment variable {variable}")
    if not _KEY.fullmatch(key):  # no HTTP header can hold it, and the client's error would quote the key
        raise ConfigError(f"the API key for {url} has characters that no key has", "copy it again, in one line")
    return Endpoint(model, url, settings, known.price.get(model), key)


def _read(path: Path) -> _File:
    try:
        tree: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return _File()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", "fix the file") from error
    try:
        return _File.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        # The value is left out: it may be a key.
        raise ConfigError(f"{path}: {where}: {first['msg']}", "fix that entry") from None
