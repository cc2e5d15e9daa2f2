"""Headless Chromium with one page, driven by the DevTools protocol as a person would use it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

_SECONDS = 60.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b[^\[]")
# Drawn by the page itself onto a canvas, which hands out the pixels.
_COUNT_COLOURS = """(async () => {
    const image = new Image();
    image.src = "data:image/png;base64,%s";
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const pixels = canvas.getImageData(0, 0, image.width, image.height).data;
    return new Set(new Uint32Array(pixels.buffer)).size;
})()"""


class Page:
    """Tab of the browser. requested: all its addresses. received: text from its web sockets."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self._connection = connection
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._news = asyncio.Event()
        self.requested: list[str] = []
        self.received = ""

    async def do(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send one command of the protocol and return its result."""
        number = len(self._answers) + 1
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._connection.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(self._answers[number], _SECONDS)
        assert "error" not in answer, f"{method}: {answer}"
        return answer["result"]

    async def evaluate(self, expression: str) -> Any:
        outcome = await self.do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in outcome, outcome
        return outcome["result"].get("value")

    async def press(self, key: str, text: str = "") -> None:
        """Press a key by its DOM name; `text`: its character, if it types one."""
        # virtual key codes: 89 is the key of y, 121 is F10
        code = {"Tab": 9, "Enter": 13, "Escape": 27}.get(key) or ord(key.upper())
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            await self.do("Input.dispatchKeyEvent", type=kind, key=key, text=text, windowsVirtualKeyCode=code)

    async def wait_for(self, text: str) -> None:
        """Wait until the dashboard has drawn `text`, which must be of one style."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                while text not in self.received:
                    self._news.clear()
                    await self._news.wait()
        assert text in self.received, f"{text!r} never came:\n{self.received[-4000:]}"

    async def screenshot(self) -> bytes:
        """Return the page as PNG."""
        return base64.b64decode((await self.do("Page.captureScreenshot"))["data"])

    async def colours(self, png: bytes) -> int:
        """Return the number of different colours in a picture; a blank one has 1."""
        return int(await self.evaluate(_COUNT_COLOURS % base64.b64encode(png).decode()))

    async def listen(self) -> None:
        async for message in self._connection:
            said = message.json()
            if "id" in said:
                self._answers[said["id"]].set_result(said)
            elif said["method"] == "Network.requestWillBeSent":
                self.requested.append(said["params"]["request"]["url"])
            elif said["method"] == "Network.webSocketCreated":
                self.requested.append(said["params"]["url"])
            elif said["method"] == "Network.webSocketFrameReceived":
                frame = said["params"]["response"]
                if frame["opcode"] == 2:
                    self.received += _ESCAPES.sub("", base64.b64decode(frame["payloadData"]).decode("utf-8", "replace"))
                    self._news.set()


@contextlib.asynccontextmanager
async def browser_page(program: str, *, size: tuple[int, int] = (1200, 720)) -> AsyncIterator[Page]:
    """Start the browser with an empty page; close it as its user would, and wait for its end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            "--headless=new",
            "--no-sandbox",  # refused to root, who runs many a container's tests; the page is our own
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            f"--window-size={size[0]},{size[1]}",
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            "about:blank",
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _debugging_port(Path(profile))
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                tabs = await (await session.get("/json/list")).json()
                tab = next(tab for tab in tabs if tab["type"] == "page")
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as connection:
                    page = Page(connection)
                    listener = asyncio.create_task(page.listen())
                    for domain in ("Network", "Page", "Runtime"):
                        await page.do(f"{domain}.enable")
                    await page.do("Emulation.setFocusEmulationEnabled", enabled=True)
                    yield page
                    await page.do("Browser.close")
                    await listener
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _debugging_port(profile: Path) -> int:
    """Read the port that Chromium chose from the file it writes."""
    file = profile / "DevToolsActivePort"
    async with asyncio.timeout(_SECONDS):
        while not (file.exists() and "\n" in file.read_text()):
            await asyncio.sleep(0.05)
    return int(file.read_text().splitlines()[0])
