"""Addresses of servers: compared by origin, shown without a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit, urlunsplit

from engine.errors import ConfigError, EnvironmentError_

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a server. url: without name and password, fit to be shown; login: those two, for basic access."""

    url: str
    login: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse an address. Raises ConfigError, which quotes no password."""
        remedy = "write http://host:port/v1"
        if not text.isprintable() or " " in text:
            raise ConfigError("an address of a server has characters that no address has", remedy)
        try:
            parts = urlsplit(text)
            known = parts.scheme in _PORTS and parts.hostname and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise ConfigError(f"'{without_login(text)}' is not an address", remedy)
        if parts.query or parts.fragment:
            raise ConfigError(f"'{without_login(text)}' goes on after its path", remedy)
        login = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
        return cls(without_login(text).rstrip("/"), login)

    @property
    def is_this_machine(self) -> bool:
        host = self.origin[1]
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def origin(self) -> tuple[str, str, int]:
        return origin_of(self.url)


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port; ("", "", 0) for what has none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0


def without_login(text: str) -> str:
    """Return an address without name, password, query and fragment; of a text that is none, what is after its @."""
    try:
        scheme, netloc, path, _, _ = urlsplit(text)
    except ValueError:
        netloc = ""
    return urlunsplit((scheme, netloc.rpartition("@")[2], path, "", "")) if netloc else text.rpartition("@")[2]


@contextmanager
def usable_proxies() -> Iterator[None]:
    """Raise EnvironmentError_ where a client cannot use the proxies that the environment names."""
    try:
        yield
    except (ImportError, ValueError) as fault:
        said = without_login(str(fault).partition("\n")[0])
        raise EnvironmentError_(
            f"the proxy cannot be used: {said}", "set HTTP_PROXY, HTTPS_PROXY and ALL_PROXY to http://host:port"
        ) from None
