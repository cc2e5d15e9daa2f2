"""Files of a repository of data sets on the hub, or at an address: found in the hub's cache, listed, opened.

The hub's client (huggingface_hub 2.4) begins every download anew, so requests are made here. Its settings count as they
do there: HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN and `hf auth login`, HF_HOME and HF_HUB_CACHE, its time-outs, proxies.

The token goes to the hub's own origin alone: a large file is redirected to a signed address of a content network.
"""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import httpx2

from engine.data.sets import Source
from engine.errors import NotFetched
from engine.machine.core_dumps import refuse_core_dumps
from engine.servers.addresses import Address, usable_proxies
from engine.servers.codings import pieces

LONGEST_LISTING = 50_000_000  # bytes
MOST_REDIRECTS = 10
TRIES = 5
LONGEST_WAIT = 120.0
"""Seconds that a server may ask to wait with Retry-After; more is an error that names them."""

BY_HAND = "or bring the file by hand: --from FILE"
_REDIRECTS = (301, 302, 303, 307, 308)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHARD = re.compile(r"-of-(\d+)\.parquet$")
_RENAMED = re.compile(r"[\w.-]+/[\w.-]+")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """File to fetch, as its server describes it: size 0 and sha256 "" where unknown. commit: of the repository."""

    path: str
    url: str
    size: int = 0
    sha256: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """Response whose body is not read yet, and what the redirects to it said of the file."""

    response: httpx2.Response
    linked: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return self.response.status_code

    def header(self, name: str) -> str:
        return str(self.response.headers.get(name, ""))


class Patience:
    """Tries that are left; any progress renews them."""

    def __init__(self, say: Say, pause_seconds: float = 0.5) -> None:
        self._say, self._first = say, pause_seconds
        self.renew()

    def renew(self) -> None:
        self._left, self._pause = TRIES - 1, self._first

    def wait(self, error: NotFetched, asked_seconds: float = 0.0) -> None:
        """Sleep until the next try. Raises `error` if none is left, or if the server asks for too long a wait."""
        if not self._left or asked_seconds > LONGEST_WAIT:
            raise error
        seconds = max(self._pause, asked_seconds)
        self._say(f"{error.message}; trying again in {seconds:.0f} s" if seconds >= 1 else error.message)
        time.sleep(seconds)
        self._left -= 1
        self._pause *= 2


class Hub:
    """Client of the hub and of plain addresses. say: called with a line on what it waits for."""

    def __init__(self, say: Say = lambda line: None) -> None:
        from huggingface_hub import constants

        address = Address.parse(constants.ENDPOINT.rstrip("/"))  # a name and password in it are sent, never shown
        self.endpoint, self._login = address.url, address.login
        self.offline: bool = constants.HF_HUB_OFFLINE
        self._cache = Path(constants.HF_HUB_CACHE)
        self._say = say
        # A compressed body would have other offsets than the file.
        with usable_proxies():
            self._client = httpx2.Client(
                headers={"User-Agent": "cure-tui", "Accept-Encoding": "identity"},
                timeout=httpx2.Timeout(float(constants.HF_HUB_DOWNLOAD_TIMEOUT), pool=None),
                follow_redirects=False,
            )

    @cached_property
    def _token(self) -> str:
        """Header that shows who asks; "" for nobody. Read late: a login may have to be renewed on the hub."""
        from huggingface_hub import constants, get_token

        if self._login is not None:
            refuse_core_dumps()
            return "Basic " + b64encode(":".join(self._login).encode()).decode()
        token = "" if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token() or ""
        if not token.isascii() or not token.isprintable():
            raise NotFetched("the hub's token has characters that no token has", "set HF_TOKEN anew")
        if not token:
            return ""
        refuse_core_dumps()
        return f"Bearer {token}"

    def close(self) -> None:
        self._client.close()

    def cached(self, source: Source, revision: str) -> list[Path]:
        """Return the files of `source` in the hub's cache, without a request; [] unless all are there."""
        folder = self._cache / f"datasets--{source.repo.replace('/', '--')}"
        try:
            commit = (folder / "refs" / revision).read_text().strip()
        except OSError:
            commit = revision
        found = sorted(path for path in (folder / "snapshots" / commit).glob(source.path) if path.is_file())
        shards = _SHARD.search(found[0].name) if found else None
        return found if len(found) == (int(shards[1]) if shards else 1) else []

    def files(self, source: Source, revision: str) -> list[RemoteFile]:
        """List the files of `source` at `revision`, with sizes and hashes where the hub knows them.

        Raises NotFetched with the remedy: gated, unknown, without such a file, not reachable.
        """
        if source.url:
            return [RemoteFile(source.path, source.url, source.size, source.sha256)]
        info = self._information(source, revision)
        commit = info.get("sha") if isinstance(info.get("sha"), str) else revision
        named = info.get("id")
        repo = named if isinstance(named, str) and _RENAMED.fullmatch(named) else source.repo
        listed = info.get("siblings")
        entries = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        found = [each for each in entries if _fits(each.get("rfilename"), source.path)]
        if not found or (len(found) > 1 and source.path.endswith(".json")):
            what = f"{len(found)} files" if found else "no file"
            raise NotFetched(
                f"{source.repo} has {what} {source.path} at revision {revision[:12]}",
                f"look at {self.page(source.repo)}, try --revision main, {BY_HAND}",
            )
        return [self._described(each, repo, str(commit)) for each in sorted(found, key=lambda each: each["rfilename"])]

    def page(self, repo: str) -> str:
        return f"{_shown(self.endpoint)}/datasets/{repo}"

    @contextmanager
    def open(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Reply]:
        """Send a request and follow its redirects; the token goes to the hub's origin alone.

        Raises NotFetched for redirects that lead nowhere, from https to http or in a circle; httpx2.HTTPError for what
        the network does.
        """
        linked: dict[str, str] = {}
        for _ in range(MOST_REDIRECTS):
            own = {"Authorization": self._token} if _origin(url) == _origin(self.endpoint) and self._token else {}
            with self._client.stream(method, url, headers={**(headers or {}), **own}) as response:
                linked |= {name: value for name, value in response.headers.items() if name.startswith("x-linked-")}
                target = response.headers.get("location") if response.status_code in _REDIRECTS else None
                if target is None:
                    yield Reply(response, linked)
                    return
            before = url
            try:
                url = urljoin(url, target)
                scheme = urlsplit(url).scheme
            except ValueError:
                scheme = ""
            if scheme not in ("http", "https") or (urlsplit(before).scheme, scheme) == ("https", "http"):
                raise NotFetched(f"{_shown(before)} redirects to an unsafe address", f"set HF_ENDPOINT, {BY_HAND}")
        raise NotFetched(f"{_shown(url)} redirects in a circle", f"set HF_ENDPOINT to another mirror, {BY_HAND}")

    def unreachable(self, fault: Exception, url: str) -> NotFetched:
        """Return the error for a request that got no whole answer."""
        reason = str(fault).strip().split("\n")[0] or type(fault).__name__
        remedy = f"check network and proxy, set HF_ENDPOINT to a mirror, {BY_HAND}"
        return NotFetched(f"{urlsplit(url).hostname} does not answer: {reason}", remedy)

    def refused(self, reply: Reply, source_repo: str, revision: str) -> NotFetched:
        """Return the error for a status that is no success."""
        page, code = self.page(source_repo), reply.header("x-error-code")
        match reply.status:
            case 401:
                what = "does not accept the token" if self._token else f"wants a login for {source_repo}"
                message = f"the hub {what}: gated, private or misspelt (HTTP 401)"
                return NotFetched(message, f"accept the terms at {page}, then set HF_TOKEN or run `hf auth login`")
            case 403:
                message = f"this account may not read {source_repo} (HTTP 403)"
                return NotFetched(message, f"ask for access at {page}, {BY_HAND}")
            case 404 | 410 if code == "RevisionNotFound":
                return NotFetched(f"{source_repo} has no revision {revision} (HTTP 404)", "try --revision main")
            case 404 | 410:
                what = "the file is not there" if code == "EntryNotFound" else f"there is no data set {source_repo}"
                message = f"{what} at revision {revision[:12]} (HTTP {reply.status})"
                return NotFetched(message, f"look at {page}, try --revision main, {BY_HAND}")
            case 429:
                wait = f"try again in {seconds:.0f} s" if (seconds := asked_wait(reply)) else "try again later"
                return NotFetched(
                    "the hub is rate-limiting requests (429)", f"{wait}; with HF_TOKEN the limit is higher"
                )
            case status:
                return NotFetched(f"the hub fails (HTTP {status})", f"run the same command again later, {BY_HAND}")

    def ask(self, method: str, url: str, repo: str, revision: str) -> tuple[Reply, bytes]:
        """Return the answer to a small request with its body, trying again where that may help. Raises NotFetched."""
        patience = Patience(self._say)
        while True:
            try:
                with self.open(method, url) as reply:
                    if reply.status == 200:
                        return reply, _bounded_body(reply)
                    error, asked = self.refused(reply, repo, revision), asked_wait(reply)
                    if not may_pass(reply.status):
                        raise error
            except httpx2.HTTPError as fault:
                error, asked = self.unreachable(fault, url), 0.0
            except httpx2.InvalidURL as fault:
                raise NotFetched(f"{_shown(url)} is no address: {fault}", "check HF_ENDPOINT") from None
            patience.wait(error, asked)

    def _information(self, source: Source, revision: str) -> dict[str, Any]:
        url = f"{self.endpoint}/api/datasets/{source.repo}/revision/{quote(revision, safe='')}?blobs=true"
        _, body = self.ask("GET", url, source.repo, revision)
        try:
            info = json.loads(body)
        except (ValueError, RecursionError):
            info = None
        if not isinstance(info, dict):
            raise NotFetched(f"{_shown(self.endpoint)} does not answer as a hub does", f"check HF_ENDPOINT, {BY_HAND}")
        return info

    def _described(self, entry: Mapping[str, Any], repo: str, commit: str) -> RemoteFile:
        path = entry["rfilename"]
        url = f"{self.endpoint}/datasets/{repo}/resolve/{quote(commit, safe='')}/{quote(path)}"
        stored = entry.get("lfs")
        stored = stored if isinstance(stored, dict) else {}
        size, sha256 = stored.get("size") or entry.get("size"), stored.get("sha256") or stored.get("oid")
        if not size:  # a mirror that lists names alone
            reply, _ = self.ask("HEAD", url, repo, commit)
            size = reply.linked.get("x-linked-size") or reply.header("content-length")
            sha256 = reply.linked.get("x-linked-etag", "").removeprefix("W/").strip('"')
        known = sha256 if isinstance(sha256, str) and _SHA256.fullmatch(sha256) else ""
        return RemoteFile(path, url, int(size) if str(size).isdigit() else 0, known, commit)


def may_pass(status: int) -> bool:
    """Return True for a status that another try may change."""
    return status in (408, 425, 429) or status >= 500


def _fits(path: object, pattern: str) -> bool:
    return isinstance(path, str) and path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)


def _shown(url: str) -> str:
    """Return an address without user, password and signature."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def asked_wait(reply: Reply) -> float:
    """Return the seconds that Retry-After asks for, as a number or a date; 0 without one that can be read."""
    text = reply.header("retry-after").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0


def _bounded_body(reply: Reply) -> bytes:
    body = b""
    for piece in pieces(reply.response):
        body += piece
        if len(body) > LONGEST_LISTING:
            raise NotFetched("the hub's answer has no end", f"check HF_ENDPOINT, {BY_HAND}")
    return body
