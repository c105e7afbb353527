"""Drive headless Chromium through its driver's JSON interface: no packages, no network."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--window-size=1200,900",
)


class Browser:
    """A session of the driver."""

    def __init__(self, port: int, folder: Path, dark: bool):
        self._root = f"http://127.0.0.1:{port}/session"
        flags = [*_FLAGS, f"--user-data-dir={folder}", *(["--force-dark-mode"] if dark else [])]
        options = {"binary": CHROMIUM, "args": flags}
        logs = {"browser": "ALL", "performance": "ALL"}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logs}
        opened = self._call("", {"capabilities": {"alwaysMatch": wanted}})
        self._root += "/" + opened["sessionId"]

    def open(self, path: Path) -> None:
        """Open a file; what the empty first page asked for is forgotten."""
        self._call("/url", {"url": "about:blank"})
        self.console()
        self.requests()
        self._call("/url", {"url": path.as_uri()})

    def run(self, script: str) -> Any:
        return self._call("/execute/sync", {"script": script, "args": []})

    def console(self) -> list[str]:
        """What the page complained of."""
        lines = self._call("/se/log", {"type": "browser"})
        return [line["message"] for line in lines if line["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Every address that the page asked for."""
        lines = (json.loads(e["message"])["message"] for e in self._call("/se/log", {"type": "performance"}))
        return [e["params"]["request"]["url"] for e in lines if e["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> None:
        """Save the whole page as PNG."""
        height = self.run("return document.documentElement.scrollHeight")
        self._call("/window/rect", {"width": 1200, "height": height + 150})
        path.write_bytes(base64.b64decode(self._call("/screenshot", None)))

    def close(self) -> None:
        self._call("", None, "DELETE")

    def _call(self, path: str, body: Any, method: str = "") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._root + path, data=data, method=method or None)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path or 'session'}: {error.read().decode()[:500]}") from error


@contextlib.contextmanager
def browser(folder: Path, dark: bool = False) -> Iterator[Browser]:
    """Start the driver and a browser with a fresh profile; end both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(
        [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.1)
        session = Browser(port, folder, dark)
        try:
            yield session
        finally:
            session.close()
    finally:
        driver.terminate()
        driver.wait(10)
