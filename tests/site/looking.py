"""A site served to a real browser, and what goes wrong while the browser shows it."""

from __future__ import annotations

import contextlib
import functools
import http.server
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
MISSING = "Chromium is missing, and the site is tested in it: apt-get install chromium"


def pages_of(toc: Path) -> list[str]:
    """The pages of a table of contents, as paths without ending."""
    content = yaml.safe_load(toc.read_text(encoding="utf-8"))
    return [content["root"], *(chapter["file"] for part in content["parts"] for chapter in part["chapters"])]


@dataclass
class Site:
    """A built site: the tree it was made from, its HTML, and the address where a local server shows it."""

    root: Path
    html: Path
    address: str

    def url(self, page: str, how: str = "http") -> str:
        """The page's address, by `how`: "http" or "file"."""
        return f"{self.address}/{page}.html" if how == "http" else (self.html / f"{page}.html").as_uri()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@contextlib.contextmanager
def served(root: Path, html: Path):
    """A local web server for a built site; gives the `Site`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=html)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Site(root, html, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


@contextlib.contextmanager
def chromium():
    """Debian's Chromium, driven by Playwright.

    Raises:
        FileNotFoundError: it is not installed; the message says how to get it.
    """
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    if path is None:
        raise FileNotFoundError(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page in the browser, what it loaded (address -> bytes), and everything that went wrong."""

    page: object
    problems: list[str] = field(default_factory=list)
    loaded: dict[str, int] = field(default_factory=dict)

    def settle(self) -> None:
        """Wait until formulas and fonts are there."""
        self.page.evaluate("async () => { await window.MathJax?.startup?.promise; await document.fonts.ready; }")


@contextlib.contextmanager
def visiting(browser, url: str, *, scheme: str = "light", viewport: dict = DESKTOP):
    """Open `url` in a fresh context that writes down errors and every request to another origin."""
    origin = "file:///" if url.startswith("file:") else "/".join(url.split("/")[:3]) + "/"
    context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    visit = Visit(context.new_page())

    def note(words: str) -> None:
        visit.problems.append(words)

    def asked(request) -> None:
        if not request.url.startswith((origin, "blob:", "data:")):
            note(f"request to another origin: {request.url}")

    def answered(response) -> None:
        visit.loaded[response.url] = int(response.headers.get("content-length", 0))
        if response.status >= 400:
            note(f"answer {response.status}: {response.url}")

    def asks(dialog) -> None:
        note(f"dialog: {dialog.message}")
        dialog.dismiss()

    visit.page.on("console", lambda message: note(f"console: {message.text}") if message.type == "error" else None)
    visit.page.on("pageerror", lambda error: note(f"page error: {error}"))
    visit.page.on("dialog", asks)
    context.on("request", asked)
    context.on("response", answered)
    context.on("requestfailed", lambda request: note(f"failed: {request.url} ({request.failure})"))
    try:
        visit.page.goto(url, wait_until="load")
        visit.settle()
        yield visit
    finally:
        context.close()


# What a page must not do on a narrow screen: scroll sideways, itself or its article.
TOO_WIDE = """() => {
    const boxes = [document.documentElement, document.querySelector(".bd-article-container")].filter(box => box);
    if (boxes.every(box => box.scrollWidth <= box.clientWidth)) return [];
    const sideways = element => {
        for (let e = element.parentElement; e && !e.matches(".bd-article-container"); e = e.parentElement)
            if (["auto", "scroll", "hidden"].includes(getComputedStyle(e).overflowX)) return true;
        return false;
    };
    return [...document.querySelectorAll(".bd-article-container *")]
        .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1 && !sideways(e))
        .map(e => e.outerHTML.slice(0, 160)).slice(0, 5).concat(["something is wider than the screen"]);
}"""
