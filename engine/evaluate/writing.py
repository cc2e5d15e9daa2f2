"""Writing of answers by several models: each is opened when its first answer is missing, and not before."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import TypeAlias

from engine.errors import CureError
from engine.evaluate.models import Model
from engine.evaluate.parts import place_and_part
from engine.evaluate.request import EvalRequest
from engine.rollouts.live_wall import Decode
from engine.sampling import Delta
from engine.solve.opening import Wishes, load_model, open_writer
from engine.solve.writers import Account, Answer, Ask, Remote, Stoppable, Writer
from engine.solve.writers.spec import WriterSpec

Watch: TypeAlias = Callable[[str, int, Sequence[int], Decode], None]
"""Callback with the id of an ask, the index of one of its answers, its newest tokens, and what decodes them."""
OpenWriter = Callable[[Model, EvalRequest, Account], Writer]
Timed: TypeAlias = tuple[Answer, float]
"""Answer, and the seconds that its writer took for it beyond the answer before."""


def open_model(model: Model, request: EvalRequest, account: Account, watch: Watch | None = None) -> Writer:
    """Load the model, or connect to its server. watch: sees the tokens of a local one. Raises CureError."""
    wishes = Wishes(request.temperature, request.max_tokens, seed=0)
    if model.spec.kind == "openai":
        return open_writer(model.spec, wishes, lambda text: None, account)
    loaded = load_model(model.spec, request.max_tokens, lambda text: None)

    def decode(token_ids: Sequence[int]) -> str:
        return str(loaded.tokenizer.decode(list(token_ids), skip_special_tokens=True))

    def on_delta(delta: Delta) -> None:
        if watch is not None:
            watch(delta.request_id, delta.index, delta.token_ids, decode)

    return loaded.writer(wishes, whole=True, on_delta=on_delta)


class Writers:
    """Writers of all parts; one writer where two parts have one model. models: by the names of parts."""

    def __init__(
        self,
        request: EvalRequest,
        models: Mapping[str, Model],
        opened: OpenWriter = open_model,
        account: Account | None = None,
    ) -> None:
        self._request, self._models, self._opened = request, models, opened
        self.account = account or Account()
        self._writers: dict[WriterSpec, Writer] = {}
        self._resources = ExitStack()
        self.ended = ""

    def write(self, asks: Sequence[Ask]) -> Generator[Timed]:
        """Yield every answer as it comes; several models write at the same time. Closing ends the writing.

        A limit of the account, or `end`, ends it too: answers under way at a server, which are paid, still come.
        Raises CureError: a model that cannot be opened, a writer's fault.
        """
        self._look_at_limits()
        if self._is_over():
            return
        by_spec: dict[WriterSpec, list[Ask]] = {}
        for ask in asks:
            by_spec.setdefault(self._models[place_and_part(ask.id)[1]].spec, []).append(ask)
        work = [(self._writer(spec), own) for spec, own in by_spec.items()]
        if self._is_over():  # while a model was loaded
            return
        yield from self._counted(_timed(*work[0]) if len(work) == 1 else _together(work))

    def write_as(self, spec: WriterSpec, asks: Sequence[Ask]) -> Generator[Timed]:
        """Yield the answers of one of the models to questions of any form; as `write`."""
        self._look_at_limits()
        if self._is_over():
            return
        writer = self._writer(spec)
        if not self._is_over():
            yield from self._counted(_timed(writer, asks))

    def _counted(self, answers: Generator[Timed]) -> Generator[Timed]:
        with closing(answers) as found:
            for answer, seconds in found:
                self.account.settle(answer.reservation, answer.cost)
                self._look_at_limits()
                if not answer.stopped:  # a part of an answer is none
                    yield answer, seconds
        self._look_at_limits()

    def end(self, why: str, *, local: bool = True) -> None:
        """End the writing soon, from any thread or a signal handler; nothing more is asked for.

        why: in words. local: False lets local models finish what they have been asked.
        """
        self.ended = self.ended or why
        self.account.closed = True
        for writer in tuple(self._writers.values()) if local else ():
            if isinstance(writer, Stoppable):
                writer.stop()

    def close(self) -> None:
        self._resources.close()

    def _is_over(self) -> bool:
        return bool(self.ended)

    def _look_at_limits(self) -> None:
        account, spent = self.account, self.account.paid + self.account.lost
        if tokens := spent.beyond(account.tokens, None, at=True):
            self.end(tokens)
        elif dollars := account.full or spent.beyond(None, account.dollars, at=True):
            self.end(dollars, local=False)

    def _writer(self, spec: WriterSpec) -> Writer:
        if spec not in self._writers:
            model = next(each for each in self._models.values() if each.spec == spec)
            writer = self._writers[spec] = self._opened(model, self._request, self.account)
            self._resources.callback(writer.close)
        return self._writers[spec]


def _timed(writer: Writer, asks: Sequence[Ask]) -> Generator[Timed]:
    with closing(writer.write(asks)) as answers:  # type: ignore[type-var]  # writers write with generators
        since = time.monotonic()
        for answer in answers:
            yield answer, time.monotonic() - since
            since = time.monotonic()


def _together(work: Sequence[tuple[Writer, Sequence[Ask]]]) -> Generator[Timed]:
    """Let several writers write, each in a thread; yield what comes first.

    The first fault is raised at the end, which it hastens: local models are stopped.
    """
    news: queue.SimpleQueue[Timed | BaseException | None] = queue.SimpleQueue()
    over = threading.Event()

    def work_off(writer: Writer, asks: Sequence[Ask]) -> None:
        try:
            for pair in _timed(writer, asks):
                news.put(pair)
                if over.is_set():
                    return
        except BaseException as fault:  # noqa: BLE001  (handed to the caller's thread, which raises it)
            news.put(fault)
        finally:
            news.put(None)

    threads = [threading.Thread(target=work_off, args=pair, name="writer", daemon=True) for pair in work]
    for thread in threads:
        thread.start()
    faults: list[BaseException] = []
    ended = 0
    try:
        while ended < len(threads):
            item = news.get()
            if item is None:
                ended += 1
            elif isinstance(item, BaseException):
                faults.append(item)
                _stop(work)
            else:
                yield item
    finally:
        over.set()
        _stop(work)
        for writer, _ in work:
            if isinstance(writer, Remote):
                writer.give_up()
        for thread in threads:
            thread.join(timeout=5.0)
    if faults:
        raise next((fault for fault in faults if not isinstance(fault, CureError)), faults[0])


def _stop(work: Sequence[tuple[Writer, Sequence[Ask]]]) -> None:
    for writer, _ in work:
        if isinstance(writer, Stoppable):
            writer.stop()
