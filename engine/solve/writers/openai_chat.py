"""Writer for an OpenAI-compatible server: OpenAI itself, Ollama, llama.cpp's server, LM Studio, `vllm serve`.

Each answer is one request, with several in flight: some servers support `n`, others ignore it, the rest refuse it. Once
a server refuses a field, later requests omit it (`engine.solve.writers.request_form`). Answers are streamed where the
server offers it, so that the first tokens show life. One deadline holds for all tries of an answer together; retries
wait as long as the server says, or exponentially longer. A final failure becomes one line with its remedy.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import queue
import random
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from engine.errors import ConfigError, CureError, EnvironmentError_, RunError
from engine.prompts import PromptStyle, Role, Style
from engine.sampling import SamplingParams
from engine.servers.background import Background
from engine.servers.client import Bounds, Client, RequestFault, Trouble
from engine.servers.replies import ChatReply, ChatStream, Finish, NotAReply, ReportedError, read_error
from engine.servers.settings import endpoints_file, key_remedy
from engine.solve.writers.account import Account, Cost, Reservation
from engine.solve.writers.endpoints import OPENAI_URL, Endpoint
from engine.solve.writers.request_form import RequestForm
from engine.solve.writers.writer import Answer, Ask, Waiting, Withheld

_TOKENS_A_SECOND = 10.0
_SECONDS_BEFORE_TOKENS = 60.0
_BYTES_A_TOKEN = 4096
"""Bound, not estimate: an event of a stream holds one token and some hundred bytes of names around it."""
_BYTES_AROUND = 8 * 2**20
_BYTES_ESTIMATED = 3
"""Bytes of a token, where its number has to be estimated: code and English have more."""
_RESERVE_SECONDS = 0.02
_LONGEST_PAUSE = 8.0
_REFUSALS = (400, 422)
_RETRIED = (408, 409, 429)
_OPENAI_HEADERS = {"OPENAI_ORG_ID": "OpenAI-Organization", "OPENAI_PROJECT_ID": "OpenAI-Project"}


class _StatusFault(Exception):
    """Reply with the status of an error. pause: seconds to wait before the next try, None where not said."""

    def __init__(self, status: int, said: str, pause: float | None) -> None:
        super().__init__(said)
        self.status, self.said, self.pause = status, said, pause


_Fault = _StatusFault | RequestFault | NotAReply


@dataclass(eq=False, slots=True)
class _Task:
    """Answer that is asked for. started: time.monotonic() of its first try, 0 before it. sent: its request has left."""

    ask: Ask
    index: int
    started: float = 0.0
    sent: bool = False
    stream: ChatStream | None = None
    note: str = ""

    def has_left(self) -> None:
        self.sent = True


class OpenAIWriter:
    """Writer of one endpoint. Answers arrive in any order. Seeds are sent, but a server may ignore them.

    insisted: fields that the user has set ("temperature", LIMIT): if the server refuses one, the writing fails.
    account: where costs are reserved and whose limits hold.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        params: Mapping[Role, SamplingParams],
        insisted: Collection[str] = (),
        account: Account | None = None,
    ) -> None:
        self.name = f"{endpoint.model} at {endpoint.url}"
        self.style: Style = PromptStyle(endpoint.settings.prompts)
        self._endpoint, self._params, self._insisted = endpoint, params, insisted
        self._account = account or Account()
        # OpenAI's newer models accept only the new name of the limit, other servers mostly the old one.
        self._form = RequestForm.new(newer_limit_first=endpoint.url == OPENAI_URL)
        self._seconds = endpoint.settings.timeout_seconds or (
            _SECONDS_BEFORE_TOKENS + max(each.max_new_tokens for each in params.values()) / _TOKENS_A_SECOND
        )
        self._dearest: dict[Role, Cost] = {}
        self._tried_first: set[Role] = set()
        self._reached = False
        self._failed = False
        self._under_way: set[_Task] = set()
        self._work: Future[None] | None = None
        is_openai = endpoint.url == OPENAI_URL
        self._background = Background()
        self._client = Client(
            endpoint.address,
            endpoint.key,
            headers={
                name: os.environ[key] for key, name in _OPENAI_HEADERS.items() if is_openai and os.environ.get(key)
            },
            # OpenAI's reasoning models send nothing while they think.
            silence_seconds=math.inf if is_openai else endpoint.settings.silence_seconds,
        )

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Yield answers as they arrive. After the first fault, send no further request; answers in flight still come:
        they are paid for. Closing the iterator ends the requests in flight; the account keeps their estimates.

        Raises EnvironmentError_ if the server does not answer or refuses the key, ConfigError for a request that it
        does not accept, RunError for a server that fails or does not answer as one.
        """
        tasks = deque(_Task(ask, index) for ask in asks for index in ask.indices)
        news: queue.SimpleQueue[Answer | CureError | None] = queue.SimpleQueue()
        work = self._work = self._background.start(self._write_all(tasks, news))
        fault: CureError | None = None
        try:
            while (item := news.get()) is not None:
                if isinstance(item, CureError):
                    fault = fault or item
                else:
                    yield item
        finally:
            work.cancel()
        if fault is not None:
            raise fault
        if not work.cancelled():
            work.result()

    def waiting(self) -> Waiting:
        tasks = [task for task in tuple(self._under_way) if task.started]
        if not tasks:
            return Waiting(0, 0.0)
        oldest = min(task.started for task in tasks)
        pieces = sum(task.stream.pieces for task in tasks if task.stream)
        note = next((task.note for task in tasks if task.note), "")
        return Waiting(len(tasks), time.monotonic() - oldest, pieces, note)

    def give_up(self) -> None:
        if self._work is not None:
            self._work.cancel()

    def close(self) -> None:
        if not self._background.closed:
            self._background.wait(self._client.close())
            self._background.close()

    # In the background's thread -----------------------------------------------------------------------------

    async def _write_all(self, tasks: deque[_Task], news: queue.SimpleQueue[Answer | CureError | None]) -> None:
        """Put answers and faults into `news`, and None at the end."""
        self._failed = False

        async def work() -> None:
            while tasks and not self._failed:
                task = tasks.popleft()
                self._under_way.add(task)
                try:
                    answer = await self._answer(task)
                except CureError as error:
                    self._failed = True
                    news.put(error)
                    return
                finally:
                    self._under_way.discard(task)
                if answer is None:
                    return
                news.put(answer)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(len(tasks), self._endpoint.settings.concurrency)):
                    group.create_task(work())
        finally:
            news.put(None)

    async def _answer(self, task: _Task) -> Answer | None:
        """Ask until there is an answer; None if the account has no room for one."""
        retries, tries = self._endpoint.settings.retries, 0
        while (reservation := await self._reserve(task)) is not None:
            task.started = task.started or time.monotonic()
            form = self._form
            result = await self._try(task, form, task.started + self._seconds - time.monotonic(), reservation)
            if isinstance(result, Answer):
                return result
            if self._has_learnt(form, result):
                continue
            pause = self._pause(result, tries)
            if pause is None or tries == retries or time.monotonic() + pause >= task.started + self._seconds:
                raise self._fault(result) from result
            tries += 1
            told = str(result.status) if isinstance(result, _StatusFault) else self._client.shown(str(result))
            task.note = f"retry {tries} of {retries}: {told}"
            await asyncio.sleep(pause)
        return None

    async def _try(self, task: _Task, form: RequestForm, seconds: float, reservation: Reservation) -> Answer | _Fault:
        """Send one request; account for what it may have cost where there is no answer."""
        task.sent = False
        try:
            return self._read(task, await self._request(task, form, seconds), reservation)
        except _StatusFault as fault:
            self._account.free(reservation)
            return fault
        except (RequestFault, NotAReply, CureError, asyncio.CancelledError) as fault:
            reservation.cost = self._dearest.get(task.ask.role, reservation.cost)
            (self._account.give_up if task.sent else self._account.free)(reservation)
            if isinstance(fault, RequestFault | NotAReply):
                return fault
            raise
        finally:
            self._tried_first.discard(task.ask.role)

    async def _reserve(self, task: _Task) -> Reservation | None:
        """Wait until the account has room for an answer; None if it will have none.

        Under a limit the first answer of a role is asked for alone: only then is known what one costs.
        """
        role = task.ask.role
        longest = self._cost(_prompt_size(task.ask), self._params[role].max_new_tokens)
        while not (self._failed or self._account.closed or self._account.full):
            known = self._dearest.get(role) or max(self._dearest.values(), key=_dearness, default=None)
            if role in self._dearest or role not in self._tried_first or not self._account.is_limited:
                reservation = self._account.reserve(known or longest, is_known=known is not None)
                if reservation is not None:
                    self._tried_first.add(role)
                    return reservation
            await asyncio.sleep(_RESERVE_SECONDS)
        return None

    async def _request(self, task: _Task, form: RequestForm, seconds: float) -> ChatReply:
        params = self._params[task.ask.role].at(task.ask.temperature)
        body = {
            "model": self._endpoint.model,
            "messages": list(task.ask.messages),
            **form.fields(params, (task.ask.seed + task.index) % 2**31),
        }
        bounds = Bounds(seconds, _BYTES_AROUND + _BYTES_A_TOKEN * params.max_new_tokens, streams=form.streams)
        stream = task.stream = ChatStream()
        async with self._client.send("POST", "/chat/completions", body, bounds, task.has_left) as incoming:
            self._reached = True
            if not 200 <= incoming.status < 300:
                raise _StatusFault(incoming.status, read_error(await incoming.read()), _pause_of(incoming.headers))
            async for document in incoming.documents():
                stream.add(document)
            if incoming.streamed and not stream.ended:
                raise RequestFault(Trouble.BROKEN, "it closed the stream in the middle of an answer")
        reply = stream.reply()
        if incoming.streamed and reply.tokens is None and form is self._form:
            self._form = replace(form, streams=False)  # without a stream it may count tokens
        return reply

    def _read(self, task: _Task, reply: ChatReply, reservation: Reservation) -> Answer:
        """Make an answer of a reply. Raises ConfigError for one without usage if a limit needs it."""
        cost = self._cost(reply.prompt_tokens or 0, reply.tokens or 0)
        is_counted = reply.prompt_tokens is not None and reply.tokens is not None
        if not is_counted:
            if self._endpoint.settings.usage == "estimate":
                written = len(reply.text or "") + len(reply.reasoning)
                cost = self._cost(_prompt_size(task.ask) // _BYTES_ESTIMATED, -(-written // _BYTES_ESTIMATED))
                is_counted = True
            elif self._account.is_limited:
                raise ConfigError(
                    f"{self._endpoint.url} reports no token usage, so that no limit of tokens or dollars can hold",
                    f'write usage = "estimate" below [endpoint."{self._endpoint.url}"] in {endpoints_file()}',
                )
        reservation.cost = cost  # until it is settled, the account shall not be misled by an estimate
        dearest = self._dearest.get(task.ask.role, cost)
        self._dearest[task.ask.role] = max(cost, dearest, key=_dearness)
        return Answer(
            ask_id=task.ask.id,
            role=task.ask.role,
            index=task.index,
            text=reply.text or "",
            prompt_tokens=cost.prompt_tokens,
            tokens=cost.tokens,
            finished=reply.finish is not Finish.LENGTH,
            dollars=cost.dollars,
            reasoning=reply.reasoning,
            withheld=_withheld(reply),
            is_counted=is_counted,
            served=self._client.shown(reply.model),
            reservation=reservation,
        )

    def _cost(self, prompt_tokens: int, tokens: int) -> Cost:
        price = self._endpoint.price
        return Cost(1, prompt_tokens, tokens, price.dollars(prompt_tokens, tokens) if price else 0.0)

    def _has_learnt(self, form: RequestForm, fault: _Fault) -> bool:
        """Return whether there is another form to try. Forms only shrink, so the retries end."""
        if not isinstance(fault, _StatusFault):
            return False
        plainer = form.without_stream(fault.said)  # a server without streams may say so with any status
        if plainer is None and fault.status in _REFUSALS:
            plainer = form.without_refused(fault.said, self._insisted)
            if self._form is not form:
                return True  # another request has learnt in the meantime
        if plainer is not None and self._form is form:
            self._form = plainer
        return plainer is not None

    def _pause(self, fault: _Fault, tries: int) -> float | None:
        """Return the seconds to wait before the next try, None where none is worth it."""
        match fault:
            case _StatusFault() if fault.status in _RETRIED or fault.status >= 500:
                if fault.pause is not None:
                    return fault.pause
            case RequestFault(trouble=Trouble.BROKEN):
                pass
            case RequestFault(trouble=Trouble.NO_CONNECTION) if self._reached:
                pass
            case _:
                return None
        return min(_LONGEST_PAUSE, 0.5 * 2.0**tries) * random.uniform(0.75, 1.0)

    def _fault(self, fault: _Fault) -> CureError:
        url, model = self._endpoint.url, self._endpoint.model
        said = self._client.shown(str(fault))
        match fault:
            case _StatusFault(status=401 | 403):
                if self._endpoint.key or self._endpoint.login:
                    remedy = "check the key in its environment variable"
                    return EnvironmentError_(f"{url} refuses the API key: {said}", remedy)
                return EnvironmentError_(f"{url} refuses the API key: it got none, and says {said}", key_remedy(url))
            case _StatusFault(status=404):
                remedy = "check the model's name, and the address: most end in /v1"
                return ConfigError(f"{url} has no model {model}: {said}", remedy)
            case _StatusFault(status=429):
                return RunError(f"{url} is rate-limiting requests (429)", "wait, or lower its concurrency")
            case _StatusFault() if fault.status >= 500:
                return RunError(f"{url} has an internal error: {said}", "look at the server's log")
            case _StatusFault():
                return ConfigError(f"{url} does not take the request: {said}", "check model and limits")
            case RequestFault(trouble=Trouble.TOO_SLOW):
                return RunError(f"{url} took longer than {self._seconds:g} s", "raise its timeout_seconds")
            case RequestFault(trouble=Trouble.SILENT):
                return RunError(f"{url} {said}", "look at the server's log, or raise its silence_seconds")
            case RequestFault(trouble=Trouble.TOO_LARGE):
                return RunError(f"{url} {said}", "check the address, or lower --max-tokens")
            case RequestFault(trouble=Trouble.REDIRECT):
                return ConfigError(f"{url} {said}, which was not followed", "give that address if you trust it")
            case RequestFault():
                return EnvironmentError_(f"{url} does not answer: {said}", "start the server, or check the address")
            case ReportedError():
                return RunError(f"{url} {said}", "look at the server's log")
        return RunError(f"{url} does not answer as an OpenAI-compatible server does: it {said}", "check the address")


def _dearness(cost: Cost) -> tuple[float, int]:
    return cost.dollars, cost.prompt_tokens + cost.tokens


def _prompt_size(ask: Ask) -> int:
    return sum(len(message["content"].encode()) for message in ask.messages)


def _withheld(reply: ChatReply) -> Withheld:
    if reply.text:
        return ""
    if reply.finish is Finish.FILTER:
        return "filter"
    if reply.refused:
        return "refusal"
    return "null" if reply.text is None else ""


def _pause_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, None where it asks for none or writes no number."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with contextlib.suppress(KeyError, ValueError):
            seconds = float(headers[name]) / unit
            if seconds >= 0:  # false for NaN too
                return float(seconds)
    return None
