"""A browser for tests: drives a headless Chromium over its debugging pipe, with the standard library alone.

The protocol (https://chromedevtools.github.io/devtools-protocol/) is JSON messages, each ended by a zero byte, on the
browser's file descriptors 3 and 4. Keys and clicks are those that a keyboard and a mouse would give.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
)  # fmt: skip
_KEYS = {
    " ": ("Space", 32),
    "Enter": ("Enter", 13),
    "Tab": ("Tab", 9),
    "Home": ("Home", 36),
    "End": ("End", 35),
}
_KEYS |= {f"Arrow{way}": (f"Arrow{way}", 37 + i) for i, way in enumerate(("Left", "Up", "Right", "Down"))}
_TEXTS = {" ": " ", "Enter": "\r"}


class Browser:
    """One browser process; `page` opens a tab in it."""

    def __init__(self, profile: Path) -> None:
        to_browser, self._write = _pipe()
        self._read, from_browser = _pipe()
        # a shell puts the pipes in their places: work between fork and exec is not safe beside threads
        connect = f'exec "$0" "$@" 3</dev/fd/{to_browser} 4>/dev/fd/{from_browser}'
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", connect, BROWSER, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}"],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._number = 0
        self.events: list[dict] = []

    def call(self, method: str, session: str | None = None, timeout: float = 60.0, **params: object) -> dict:
        """Send a command and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        message |= {"sessionId": session} if session else {}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        limit = time.monotonic() + timeout
        while True:
            answer = self._message(limit)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _message(self, limit: float) -> dict:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(limit - time.monotonic(), 0))
            if not ready:
                raise TimeoutError("the browser does not answer")
            chunk = os.read(self._read, 1 << 20)
            if not chunk:
                raise ConnectionError("the browser has ended")
            self._buffer += chunk
        text, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(text)

    def page(self, width: int = 1200, height: int = 850, *, dark: bool = False) -> Page:
        """A tab of its own, with the reader's preference for light or dark."""
        return Page(self, width, height, dark)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.call("Browser.close", timeout=5)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are out of the way of the descriptors that the browser wants."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved


class Page:
    """A tab: what a reader sees and does."""

    def __init__(self, browser: Browser, width: int, height: int, dark: bool) -> None:
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)
        self.prefer(dark=dark)

    def call(self, method: str, **params: object) -> dict:
        return self.browser.call(method, self.session, **params)

    def resize(self, width: int, height: int, scale: float = 1.0) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )  # fmt: skip

    def prefer(self, *, dark: bool, still: bool = True) -> None:
        """The reader's preferences; `still`: as little motion as can be."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self.call("Emulation.setEmulatedMedia", features=features)

    def open(self, path: Path) -> Page:
        """Open a file from the disk and wait until it is there."""
        self.call("Page.navigate", url=path.as_uri())
        for _ in range(1500):
            state = self.evaluate("document.readyState + ' ' + location.protocol")
            if state == "complete file:":
                return self
            time.sleep(0.02)
        raise TimeoutError(f"{path} was not loaded")

    def evaluate(self, expression: str) -> object:
        """The value of a JavaScript expression, in JSON's types."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", expression))
        return answer["result"].get("value")

    def key(self, key: str, *, shift: bool = False) -> None:
        """Press a key and let it go."""
        code, number = _KEYS.get(key, (key, ord(key.upper()) if len(key) == 1 and key.isalnum() else 0))
        event = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": 8 if shift else 0}
        text = _TEXTS.get(key, key if len(key) == 1 else None)
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **down, **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text: str) -> None:
        for character in text:
            self.key(character)

    def centre(self, selector: str) -> tuple[float, float]:
        """The middle of an element, which is brought into view if need be."""
        x, y = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " if (!(e instanceof SVGElement)) e.scrollIntoView({block: 'nearest'});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        return x, y

    def mouse(self, kind: str, x: float, y: float, **more: object) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector: str) -> None:
        x, y = self.centre(selector)
        self.hover(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def hover(self, selector: str) -> None:
        self.mouse("mouseMoved", *self.centre(selector))

    def drag(self, selector: str, dx: float, dy: float) -> None:
        x, y = self.centre(selector)
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        for part in (0.3, 0.7, 1.0):
            self.mouse("mouseMoved", x + part * dx, y + part * dy, button="left", buttons=1)
        self.mouse("mouseReleased", x + dx, y + dy, button="left", clickCount=1)

    def screenshot(self, path: Path | None = None) -> bytes:
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if path is not None:
            path.write_bytes(data)
        return data

    def _events(self, method: str) -> list[dict]:
        self.evaluate("0")  # what has happened until now has been told by then
        return [
            event["params"]
            for event in self.browser.events
            if event.get("sessionId") == self.session and event["method"] == method
        ]

    @property
    def requests(self) -> list[str]:
        """The addresses that were asked for, besides the file itself."""
        asked = [event["request"]["url"] for event in self._events("Network.requestWillBeSent")]
        own = {event["documentURL"] for event in self._events("Network.requestWillBeSent")}
        return [url for url in asked if url not in own]

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and exceptions."""
        found = [str(event) for event in self._events("Runtime.exceptionThrown")]
        found += [
            str(e) for e in self._events("Runtime.consoleAPICalled") if e["type"] in ("error", "warning")
        ]
        found += [
            str(e) for e in self._events("Log.entryAdded") if e["entry"]["level"] in ("error", "warning")
        ]
        return found
