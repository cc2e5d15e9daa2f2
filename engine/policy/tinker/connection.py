"""Connection to one Tinker server: the SDK, the session, the watchdog. The one file that imports `tinker`.

Everything is waited for with a time-out and beside the watchdog: the SDK retries a dead server for ever, and the
refusal of a name that is taken for five minutes.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib.metadata
import logging
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.errors import EnvironmentError_
from engine.machine.core_dumps import refuse_core_dumps
from engine.machine.libraries import TINKER_KEY, TINKER_KEY_REMEDY
from engine.policy.tinker.faults import ServerSaid, explained
from engine.policy.tinker.requests import Requests, ServedModel, of_request
from engine.policy.tinker.watchdog import EVERY_SECONDS, Watchdog
from engine.servers.addresses import Address
from engine.servers.client import RequestFault

VERSIONS = "tinker>=0.25,<0.26"
_SESSION_SECONDS = 120.0
_KEY = re.compile(r"tml-[!-~]+")

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes of bodies so far, of the SDK's requests and their replies."""

    sent: int
    received: int


class Connection:
    """Session with the server at `url`. served: the model asked for, as the server lists it. sdk: the module."""

    def __init__(self, url: str, base_model: str, watch_every: float = EVERY_SECONDS) -> None:
        """Connect. Raises EnvironmentError_: SDK, key, server or model is not there; ConfigError: no address."""
        address = Address.parse(url)
        self.sdk, key = load_sdk(), read_key()
        self.url = address.url
        self.requests = Requests(address, key)
        with ExitStack() as failing:
            failing.callback(self.requests.close)
            self.ping_seconds = self.requests.greet()
            self.served = self.asked("say what it serves", lambda: known_model(self.requests, base_model))
            self._watchdog = Watchdog(self.requests, watch_every)
            failing.callback(self._watchdog.close)
            self._open_session(address, key)
            failing.pop_all()

    def _open_session(self, address: Address, key: str) -> None:
        # Here, as httpx comes along with the SDK.
        from engine.policy.tinker import transport

        self._counted = transport.Counted()
        self._http = transport.open_http(address, self._counted, self._watchdog.give_up)
        types = self.sdk.types

        def opened() -> Any:
            service = self.sdk.ServiceClient(
                api_key=key,
                base_url=address.url,
                http_client=self._http,
                # Not asked of the server, which could have the SDK run TINKER_CREDENTIAL_CMD or exchange the key.
                _client_config=types.ClientConfigResponse().model_dump(),
                _client_dynamic_config=types.ClientDynamicConfigResponse(refresh_interval_sec=10**6).model_dump(),
            )
            return service, service.holder.get_loop()  # the holder opens the session

        self.service, self._loop = self.wait(_in_thread(opened), _SESSION_SECONDS, "open a session")

    @property
    def traffic(self) -> Traffic:
        return Traffic(self._counted.sent, self._counted.received)

    @property
    def lost(self) -> Future[None]:
        """Future that gets the error once the server is lost."""
        return self._watchdog.lost

    def submit(self, awaitable: Any) -> Future[Any]:
        """Return the future of one of the SDK's awaitables, which have only unbounded ways to be waited for."""

        async def awaited() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop)

    def wait(self, future: Future[_Result], seconds: float, doing: str) -> _Result:
        """Return the future's result. Raises CureError: refused, too slow, or the engine was lost meanwhile.

        doing: what was asked for, for the error: "save the state".
        """
        both: set[Future[Any]] = {future, self.lost}
        done, _ = concurrent.futures.wait(both, seconds, concurrent.futures.FIRST_COMPLETED)
        try:
            if future in done:
                return future.result()
            future.cancel()
            if self.lost in done:
                self.lost.result()
            raise TimeoutError
        except (RuntimeError, AssertionError):
            raise  # ours, or a bug: the server has no part in it
        except Exception as error:  # whatever the SDK raises: plain ValueErrors, httpx's, its own
            raise explained(error, self.url, doing, self.requests.shown) from error

    def asked(self, doing: str, ask: Callable[[], _Result]) -> _Result:
        """Return the result of one of `requests`, with its errors explained."""
        try:
            return ask()
        except RequestFault as fault:
            raise of_request(fault, self.url) from fault
        except (ServerSaid, TimeoutError) as error:
            raise explained(error, self.url, doing, self.requests.shown) from error

    def close(self) -> None:
        """End the session; models must have been unloaded."""
        self._watchdog.close()
        holder = self.service.holder
        holder.close()
        holder.close = _nothing  # its __del__ closes once more, with a traceback when the interpreter is going down
        with_http = asyncio.run_coroutine_threadsafe(self._http.aclose(), self._loop)
        concurrent.futures.wait({with_http}, 10.0)
        self.requests.close()


def load_sdk() -> Any:
    """Import the SDK, quietly and without its telemetry. Raises EnvironmentError_: missing, or another version."""
    remedy = f'pip install "{VERSIONS}"'
    try:
        version = importlib.metadata.version("tinker")
    except importlib.metadata.PackageNotFoundError:
        raise EnvironmentError_("the SDK `tinker` is not installed", remedy) from None
    if version.split(".")[:2] != ["0", "25"]:
        raise EnvironmentError_(f"tinker {version} does not work with SkyRL 0.4 (it trains, but cannot sample)", remedy)
    os.environ["TINKER_TELEMETRY"] = "0"
    os.environ["TINKER_SUBPROCESS_SAMPLING"] = "0"
    os.environ.pop("TINKER_LOG", None)
    try:
        import tinker
    except ImportError as error:
        raise EnvironmentError_(f"the SDK `tinker` cannot be loaded: {error}", remedy) from error
    logger = logging.getLogger("tinker")
    logger.propagate = False  # its tracebacks of each retry would end up on the terminal
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return tinker


def read_key() -> str:
    """Return the key of TINKER_API_KEY. Raises EnvironmentError_: none, or one that the SDK would refuse."""
    key = os.environ.get(TINKER_KEY, "").strip()
    if not key:
        raise EnvironmentError_(f"no {TINKER_KEY} is set", TINKER_KEY_REMEDY)
    if not _KEY.fullmatch(key):
        raise EnvironmentError_(
            f"the key in {TINKER_KEY} does not begin with tml-, or has odd characters", "copy it again"
        )
    refuse_core_dumps()
    return key


def known_model(requests: Requests, base_model: str) -> ServedModel:
    """Return the model as the server lists it. Raises EnvironmentError_: it serves others; it would not say so."""
    served = requests.served_models()
    for each in served:
        if each.name == base_model:
            return each
    names = ", ".join(requests.shown(each.name) for each in served[:5]) or "nothing"
    raise EnvironmentError_(
        f"{requests.url} serves {names}, not {base_model}",
        f"start it with --base-model {base_model}, or set model.source to what it serves",
    )


def _nothing() -> None:
    """Do nothing."""


def _in_thread(work: Callable[[], _Result]) -> Future[_Result]:
    """Run `work` in a thread that may be left behind: it has no time-out of its own."""
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is the future's
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="tinker session", daemon=True).start()
    return future
