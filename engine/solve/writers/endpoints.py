"""Models at the addresses of OpenAI-compatible servers, with what the user has settled for them in endpoints.toml."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.servers.addresses import Address
from engine.servers.settings import (
    OPENAI_KEY,
    OPENAI_URL,
    EndpointSettings,
    Price,
    endpoints_file,
    key_for,
    read_endpoints,
)

__all__ = ["OPENAI_KEY", "OPENAI_URL", "Endpoint", "EndpointSettings", "Price", "endpoints_file", "find_endpoint"]

DEFAULT_TEMPERATURE, DEFAULT_TOKENS = 0.8, 4096
"""Sampling where the user says nothing; tokens: of the longest answer."""


@dataclass(frozen=True)
class Endpoint:
    """Model at an address, with settings, price and key; `repr` leaves secrets out. url: without a password."""

    model: str
    url: str
    settings: EndpointSettings
    price: Price | None
    key: str = field(default="", repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def address(self) -> Address:
        return Address(self.url, self.login)


def find_endpoint(model: str, url: str = "") -> Endpoint:
    """Return the endpoint for `openai:MODEL@URL`; without a URL, OpenAI's own.

    `engine.servers.settings` says which key goes there. Raises ConfigError for an invalid file, address or price, and
    for a missing key.
    """
    address = Address.parse(url or OPENAI_URL)
    known = read_endpoints()
    settings = known.of(address)
    return Endpoint(model, address.url, settings, known.price.get(model), key_for(address, settings), address.login)
