"""Settings of addresses, from one file, and the rule which key an address gets.

`endpoints.toml` in the folder of the user's settings, `~/.config/cure-tui` on Linux:

    [endpoint."http://localhost:8000/v1"]
    api_key_env = "MY_KEY"        # or api_key = "..."
    concurrency = 8               # concurrent requests
    timeout_seconds = 300         # of one answer, all its tries together
    prompts = "full"              # or "short", for a server that holds nano, or "shots", for a very small model

    [price."gpt-4o-mini"]         # dollars per million tokens
    input = 0.15
    output = 0.60

A key goes only where its owner has sent it: to the address that this file names with it, or, for a key in a variable
of the environment that belongs to a program (OPENAI_API_KEY, VLLM_API_KEY), to the address where that program listens
by default. A preset, a copied run or a command line names addresses, but gives no key to one.
"""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import ConfigError
from engine.machine.core_dumps import refuse_core_dumps
from engine.machine.home import settings_home
from engine.machine.regular_files import read_regular
from engine.machine.toml_reading import parse_toml
from engine.servers.addresses import Address, origin_of

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
VLLM_KEY = "VLLM_API_KEY"
_DEFAULT_ADDRESSES = {
    OPENAI_KEY: (OPENAI_URL,),
    VLLM_KEY: ("http://localhost:8000", "http://127.0.0.1:8000"),
}
_MOST_BYTES = 1 << 20
_KEY = re.compile(r"[!-~]*")


class EndpointSettings(BaseModel):
    """Settings of one address. Without a key, none is sent: most local servers need none.

    timeout_seconds: of one answer with all its tries; None: by the length of the answer. silence_seconds: patience
    with a stream while the server sends nothing at all. usage: "estimate" counts tokens of a server that reports none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: str = Field(default="", repr=False)
    api_key_env: str = ""
    concurrency: int = Field(default=8, ge=1, le=256)
    timeout_seconds: float | None = Field(default=None, gt=0, le=86_400)
    silence_seconds: float = Field(default=60.0, gt=0, le=86_400)
    retries: int = Field(default=5, ge=0, le=50)
    prompts: Literal["full", "short", "shots"] = "full"
    usage: Literal["reported", "estimate"] = "reported"


class Price(BaseModel):
    """Price in dollars per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    input: float = Field(ge=0)
    output: float = Field(ge=0)

    def dollars(self, prompt_tokens: int, tokens: int) -> float:
        return (self.input * prompt_tokens + self.output * tokens) / 1e6


class Endpoints(BaseModel):
    """Content of endpoints.toml."""

    model_config = ConfigDict(extra="forbid")

    endpoint: dict[str, EndpointSettings] = {}
    price: dict[str, Price] = {}

    def of(self, address: Address) -> EndpointSettings:
        """Return the settings of an address, with or without /v1 at its end."""
        by_place = {_place(url): each for url, each in self.endpoint.items()}
        return by_place.get(_place(address.url), EndpointSettings())


def endpoints_file() -> Path:
    return settings_home() / "endpoints.toml"


def read_endpoints() -> Endpoints:
    """Read endpoints.toml; a missing file is empty. Raises ConfigError."""
    path = endpoints_file()
    try:
        tree: dict[str, Any] = parse_toml(read_regular(path, _MOST_BYTES).decode())
    except FileNotFoundError:
        return Endpoints()
    except (OSError, ValueError, RecursionError) as error:  # also a number of thousands of digits, lists in lists
        raise ConfigError(f"{path} cannot be read: {str(error)[:200]}", "fix the file") from error
    try:
        endpoints = Endpoints.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        # The value is left out: it may be a key.
        raise ConfigError(f"{path}: {where}: {first['msg']}", "fix that entry") from None
    if any(each.api_key for each in endpoints.endpoint.values()):
        refuse_core_dumps()
    return endpoints


def price_in_words(model: str, price: Price) -> str:
    """Return a price with its line in endpoints.toml and the date of that file."""
    path = endpoints_file()
    words = f"{price.input:g} and {price.output:g} dollars a million tokens, {path.name}"
    try:
        lines, changed = read_regular(path, _MOST_BYTES).decode().splitlines(), path.stat().st_mtime
    except (OSError, ValueError):
        return words
    names = (f"[price.{quoted}]" for quoted in (f'"{model}"', f"'{model}'", model))
    line = next((at for name in names for at, text in enumerate(lines, 1) if text.strip().startswith(name)), None)
    place = "" if line is None else f" line {line}"
    return f"{words}{place}, {date.fromtimestamp(changed).isoformat()}"


def key_for(address: Address, settings: EndpointSettings) -> str:
    """Return the key that goes to an address, "" for none. Raises ConfigError: the key it needs is missing."""
    default = next((name for name, urls in _DEFAULT_ADDRESSES.items() if _place(address.url) in map(_place, urls)), "")
    variable = settings.api_key_env or ("" if settings.api_key else default)
    key = (settings.api_key or os.environ.get(variable, "")).strip()
    if variable and not key and (settings.api_key_env or variable == OPENAI_KEY):  # vLLM needs none by default
        raise ConfigError(f"no API key for {address.url}", f"set the environment variable {variable}")
    if not _KEY.fullmatch(key):  # no HTTP header can hold it, and the client's error would quote the key
        raise ConfigError(f"the API key for {address.url} has characters that no key has", "copy it again, in one line")
    if key:
        refuse_core_dumps()
    return key


def key_remedy(url: str, variable: str = "MY_KEY") -> str:
    """Return how to give an address a key."""
    return f'give it a key in {endpoints_file()}: [endpoint."{url}"] api_key_env = "{variable}"'


def _place(url: str) -> tuple[tuple[str, str, int], str]:
    """Return origin and path of an address: what settings are looked up by."""
    path = url.partition("://")[2].partition("/")[2].rstrip("/")
    return origin_of(url), path.removesuffix("v1").rstrip("/")
