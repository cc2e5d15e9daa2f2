"""Addresses: whose keys pass no proxy, and proxies that cannot be used."""

from __future__ import annotations

import httpx2
import pytest

from engine.data.hub import Hub
from engine.errors import ConfigError, EnvironmentError_
from engine.servers.addresses import Address, usable_proxies
from engine.servers.client import Client


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "http://127.0.0.1:8000/v1", "http://[::1]:8000/v1"])
def test_the_key_of_a_server_on_this_machine_passes_no_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client = Client(Address.parse(url), "secret")
    assert not any(client._http._mounts.values())
    assert any(Client(Address.parse("http://example.com/v1"), "secret")._http._mounts.values())


@pytest.mark.parametrize("proxy", ["socks9://127.0.0.1:1", "ftp://user:secret@127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(EnvironmentError_, match="the proxy cannot be used") as caught, usable_proxies():
        httpx2.Client()
    assert "secret" not in str(caught.value)
    assert "HTTPS_PROXY" in caught.value.remedy


def test_a_password_in_the_address_of_the_hub_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://user:secret@127.0.0.1:1")
    hub = Hub()
    assert "secret" not in hub.endpoint
    assert hub._token == "Basic dXNlcjpzZWNyZXQ="
    monkeypatch.setattr(constants, "ENDPOINT", "http://user:secret@host:port")
    with pytest.raises(ConfigError) as caught:
        Hub()
    assert "secret" not in str(caught.value)
