"""Headless Chromium, driven by ChromeDriver over plain HTTP (the W3C WebDriver protocol), without a library."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FLAGS = (
    "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
    "disable-component-update", "disable-sync", "hide-scrollbars", "disable-dev-shm-usage",
)  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """A page in a browser."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, file: Path) -> None:
        """Load a file."""
        self._post("url", {"url": file.as_uri()})

    def run(self, script: str) -> Any:
        """Run a script and return what it returns."""
        return self._post("execute/sync", {"script": script, "args": []})

    def click(self, xpath: str) -> None:
        """Click an element as a user would; it must be visible."""
        element = self._post("element", {"using": "xpath", "value": xpath})[_ELEMENT]
        self._post(f"element/{element}/click", {})

    def texts(self, xpath: str) -> list[str]:
        """Return the visible texts of elements, as the user sees them."""
        found = self._post("elements", {"using": "xpath", "value": xpath})
        return [
            self.run_on(element, "return arguments[0].innerText")
            for element in (one[_ELEMENT] for one in found)
        ]

    def run_on(self, element: str, script: str) -> Any:
        """Run a script on an element."""
        return self._post("execute/sync", {"script": script, "args": [{_ELEMENT: element}]})

    def command(self, name: str, **parameters: object) -> Any:
        """Send a command of Chromium's own protocol, such as ``Emulation.setEmulatedMedia``."""
        return self._post("goog/cdp/execute", {"cmd": name, "params": parameters})

    def messages(self) -> list[str]:
        """Return what the browser's console says, such as violations of the page's policy."""
        return [entry["message"] for entry in self._post("se/log", {"type": "browser"})]

    def screenshot(self, file: Path) -> None:
        """Write what is seen to a file."""
        file.write_bytes(base64.b64decode(_http(f"{self._session}/screenshot")))

    def _post(self, path: str, content: dict[str, object]) -> Any:
        return _http(f"{self._session}/{path}", content)


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a browser with an empty profile; the test is skipped without one."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip(
            "Chromium or ChromeDriver is not installed; on Debian: apt-get install chromium chromium-driver"
        )
    process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True, env=_environment())
    try:
        assert process.stdout is not None
        with process.stdout as output:
            started = next(filter(None, (re.search(r"successfully on port (\d+)", line) for line in output)))
            server = f"http://127.0.0.1:{started[1]}"
            options = {
                "binary": chromium,
                "args": [*(f"--{flag}" for flag in _FLAGS), f"--user-data-dir={profile}"],
            }
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            session = _http(f"{server}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
            yield Browser(f"{server}/session/{session}")
            _http(f"{server}/session/{session}", method="DELETE")
    finally:
        process.terminate()
        process.wait()


def _environment() -> dict[str, str]:
    """Leave out proxies: the driver and the browser talk on this machine only."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def _http(url: str, content: object = None, *, method: str | None = None) -> Any:
    body = None if content is None else json.dumps(content).encode()
    asking = urllib.request.Request(  # noqa: S310 - our own address
        url, body, {"Content-Type": "application/json"}, method=method
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(asking, timeout=60) as answer:
        return json.load(answer)["value"]
