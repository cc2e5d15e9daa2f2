"""Writer for an OpenAI-compatible server: OpenAI itself, Ollama, llama.cpp's server, LM Studio, `vllm serve`.

Each answer is one request, with several in flight: some servers support `n`, others ignore it, the rest refuse it. Once
a server refuses a field, later requests omit it (`engine.solve.writers.request_form`). The client library retries with
exponential backoff (or the server's Retry-After); a final failure becomes one line with its remedy.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import openai
from openai.types.chat import ChatCompletion, ChatCompletionMessage, ChatCompletionMessageParam
from openai.types.chat.chat_completion import Choice

from engine.errors import ConfigError, CureError, EnvironmentError_, RunError
from engine.prompts import Role
from engine.sampling import SamplingParams
from engine.solve.writers.endpoints import OPENAI_URL, Endpoint
from engine.solve.writers.request_form import RequestForm
from engine.solve.writers.writer import Answer, Ask, Withheld

_NO_KEY = "none"  # the client insists on a key; servers without one ignore it
_FAULTS = (openai.OpenAIError, ValueError, AttributeError, TypeError, KeyError, IndexError)
"""Errors of the client, and of reading a response that is not a chat completion."""
_REACH_SECONDS = 5.0
_REFUSALS = (openai.BadRequestError, openai.UnprocessableEntityError)


@dataclass(frozen=True, slots=True)
class _Task:
    ask: Ask
    index: int


class OpenAIWriter:
    """Writer of one endpoint. Answers arrive in any order. Seeds are sent, but a server may ignore them.

    insisted: fields that the user has set ("temperature", LIMIT): if the server refuses one, the writing fails.
    """

    def __init__(
        self, endpoint: Endpoint, params: Mapping[Role, SamplingParams], insisted: Collection[str] = ()
    ) -> None:
        self.name, self.style = f"{endpoint.model} at {endpoint.url}", endpoint.settings.prompts
        self._endpoint, self._params, self._insisted = endpoint, params, insisted
        # OpenAI's newer models accept only the new name of the limit, other servers mostly the old one.
        self._form = RequestForm.new(newer_limit_first=endpoint.url == OPENAI_URL)
        self._learning = threading.Lock()
        self._reached = False
        self._client = openai.OpenAI(
            base_url=endpoint.url,
            api_key=endpoint.key or _NO_KEY,
            timeout=endpoint.settings.timeout_seconds,
            max_retries=endpoint.settings.retries,
        )

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Yield answers as they arrive. After the first fault, send no further request; answers in flight still come:
        they are paid for.

        Raises EnvironmentError_ if the server does not answer or refuses the key, ConfigError for a request that it
        does not accept, RunError for a server that fails or does not answer as one.
        """
        self._reach()
        tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        total = 0
        for ask in asks:
            for index in range(ask.n):
                tasks.put(_Task(ask, index))
                total += 1
        done: queue.SimpleQueue[Answer | CureError | None] = queue.SimpleQueue()
        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                try:
                    done.put(self._answer(tasks.get_nowait()))
                except queue.Empty:
                    break
                except CureError as error:
                    done.put(error)
                    break
            done.put(None)

        working = min(total, self._endpoint.settings.concurrency)
        for _ in range(working):
            threading.Thread(target=work, name="endpoint", daemon=True).start()
        fault: CureError | None = None
        try:
            while working:
                match done.get():
                    case None:
                        working -= 1
                    case CureError() as error:
                        over.set()
                        fault = fault or error
                    case answer:
                        yield answer
        finally:
            over.set()
        if fault is not None:
            raise fault

    def close(self) -> None:
        self._client.close()

    def _reach(self) -> None:
        """Check once that a server listens; otherwise the client would retry every request for some 15 seconds."""
        if self._reached:
            return
        try:
            self._client.with_options(max_retries=0, timeout=_REACH_SECONDS).get("/", cast_to=object)
        except openai.APITimeoutError:
            pass  # the server is slow, not absent
        except openai.APIConnectionError as error:
            raise self._fault(error) from error
        except _FAULTS:
            pass  # an error status is an answer too: servers do not define this path
        self._reached = True

    def _answer(self, task: _Task) -> Answer:
        ask, params = task.ask, self._params[task.ask.role]
        while True:
            form = self._form
            try:
                response = self._client.chat.completions.create(
                    model=self._endpoint.model,
                    messages=cast(list[ChatCompletionMessageParam], list(ask.messages)),
                    **form.fields(params, (ask.seed + task.index) % 2**31),
                )
                return self._read(task, response)
            except _FAULTS as error:
                if not (isinstance(error, _REFUSALS) and self._has_learnt(form, str(error))):
                    raise self._fault(error) from error

    def _has_learnt(self, form: RequestForm, said: str) -> bool:
        """Return whether there is another form to try. Forms only shrink, so the retries end."""
        with self._learning:
            if self._form is form:
                plainer = form.without_refused(said, self._insisted)
                if plainer is None:
                    return False
                self._form = plainer
            return True  # otherwise another thread has replaced the form in the meantime

    def _read(self, task: _Task, response: ChatCompletion) -> Answer:
        """Read an answer. Raises one of _FAULTS for JSON that is not a chat completion: the client does not check."""
        choice = response.choices[0]
        usage = response.usage
        prompt_tokens, tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        price = self._endpoint.price
        return Answer(
            ask_id=task.ask.id,
            role=task.ask.role,
            index=task.index,
            text=choice.message.content or "",
            prompt_tokens=prompt_tokens,
            tokens=tokens,
            finished=choice.finish_reason != "length",
            dollars=price.dollars(prompt_tokens, tokens) if price else 0.0,
            reasoning=_reasoning(choice.message),
            withheld=_withheld(choice),
        )

    def _fault(self, error: Exception) -> CureError:
        url, model = self._endpoint.url, self._endpoint.model
        said = _first_line(error, self._endpoint.key)
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return EnvironmentError_(f"{url} refuses the API key", "check the key in its environment variable")
            case openai.NotFoundError():
                remedy = "check the model's name, and the address: most end in /v1"
                return ConfigError(f"{url} has no model {model}: {said}", remedy)
            case openai.RateLimitError():
                return RunError(f"{url} is rate-limiting requests (429)", "wait, or lower its concurrency")
            case openai.APITimeoutError():
                seconds = self._endpoint.settings.timeout_seconds
                return RunError(f"{url} took longer than {seconds:g} s", "raise its timeout_seconds")
            case openai.APIConnectionError():
                return EnvironmentError_(f"{url} does not answer: {said}", "start the server, or check the address")
            case openai.InternalServerError():
                return RunError(f"{url} has an internal error: {said}", "look at the server's log")
            case openai.APIStatusError():
                return ConfigError(f"{url} does not take the request: {said}", "check model and limits")
        return RunError(f"{url} does not answer as an OpenAI-compatible server does: {said}", "check the address")


def _reasoning(message: ChatCompletionMessage) -> str:
    """Return the thought beside the content: DeepSeek, vLLM and llama.cpp name it differently from OpenRouter."""
    found = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
    return found if isinstance(found, str) else ""


def _withheld(choice: Choice) -> Withheld:
    if choice.message.content:
        return ""
    if choice.finish_reason == "content_filter":
        return "filter"
    if choice.message.refusal:
        return "refusal"
    return "null" if choice.message.content is None else ""


def _first_line(error: Exception, key: str) -> str:
    """Return the first line of an error without the API key, which servers quote when they refuse it."""
    text = str(error)
    if isinstance(error, openai.APIConnectionError) and error.__cause__:
        text = str(error.__cause__) or type(error.__cause__).__name__
    elif isinstance(error, openai.APIStatusError) and isinstance(error.body, dict):
        text = str(error.body.get("message") or error.body.get("detail") or error.body)
    if key:
        text = text.replace(key, "…")  # before the text is cut: half a key is still a secret
    line = (text.strip() or type(error).__name__).splitlines()[0]
    return line if len(line) <= 200 else line[:197] + "..."
