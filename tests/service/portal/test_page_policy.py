"""What a browser makes of the page's policy: headless Chromium, against a service that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.service.portal.page_folder import INDEX, write_page
from tests.service.served import Served
from uartsim.service.portal import page_files

pytestmark = pytest.mark.needs("chromium")

#: Tells what the page's own script sees: the directives that something has broken.
SCRIPT = """\
globalThis.broken = [];
document.addEventListener("securitypolicyviolation", (event) => broken.push(event.effectiveDirective));
globalThis.taken = () => broken.splice(0).sort();
globalThis.styled = (nonce) => {
  const style = document.createElement("style");
  if (nonce) style.nonce = document.querySelector("meta[name=csp-nonce]").content;
  style.textContent = "body { color: rgb(1, 2, 3) }";
  document.head.append(style);
  const colour = getComputedStyle(document.body).color;
  style.remove();
  return colour;
};
globalThis.opened = (url) => new Promise((resolve) => {
  try {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("error");
    socket.onclose = () => resolve("closed");
  } catch (error) {
    resolve(error.name);
  }
});
globalThis.ready = true;
"""
COLOUR = "rgb(1, 2, 3)"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Served]) -> Served:
    index = INDEX.replace("<body>", '<body><script>globalThis.inline = true</script><p style="color: red">text</p>')
    folder = write_page(tmp_path / "page", index.replace("page-1", "page"), page=SCRIPT)
    for file in (folder / "assets").glob("*.br"):
        file.unlink()
    (folder / "files.json").write_text('{"files": {"index.html": [], "assets/page.js": []}}')
    monkeypatch.setattr(page_files, "PAGE_FOLDER", folder)
    return serve()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{served.url}/")
    page.wait_for_function("globalThis.ready")
    yield page
    context.close()


def broken(page: Page, number: int) -> Any:
    """Wait until so many directives have been broken since the last call, and tell which."""
    page.wait_for_function("(number) => broken.length >= number", arg=number)
    return page.evaluate("taken()")


def test_script_and_style_in_markup_do_nothing(page: Page) -> None:
    assert page.evaluate("typeof globalThis.inline") == "undefined"
    assert page.evaluate("getComputedStyle(document.querySelector('p')).color") == "rgb(0, 0, 0)"
    page.evaluate("taken()")
    page.evaluate("document.body.append(Object.assign(new Image(), { src: 'x:' }))")
    assert broken(page, 1) == ["img-src"]


@pytest.mark.parametrize(
    "insert",
    [
        "document.body.insertAdjacentHTML('beforeend', '<p id=made>text</p>')",
        "document.body.innerHTML = '<p id=made>text</p>'",
        "document.body.setAttribute('onclick', 'globalThis.inline = true')",
        "document.body.append(Object.assign(document.createElement('script'), { text: 'globalThis.inline = true' }))",
    ],
    ids=["markup", "inner markup", "handler", "script"],
)
def test_text_becomes_neither_markup_nor_script(page: Page, insert: str) -> None:
    page.evaluate("taken()")
    assert (
        page.evaluate(f"() => {{ try {{ {insert}; return 'done'; }} catch (error) {{ return error.name; }} }}")
        == "TypeError"
    )
    assert broken(page, 1) == ["require-trusted-types-for"]
    assert page.evaluate("document.querySelector('#made, [onclick]')") is None
    assert page.evaluate("typeof globalThis.inline") == "undefined"


def test_a_style_element_needs_the_nonce_of_the_answer(page: Page) -> None:
    page.evaluate("taken()")
    assert page.evaluate("styled(true)") == COLOUR
    assert page.evaluate("styled(false)") != COLOUR
    assert broken(page, 1) == ["style-src-elem"]


def test_a_page_that_the_browser_has_kept_keeps_its_nonce(page: Page) -> None:
    with page.expect_response(lambda response: urlsplit(response.url).path == "/") as answered:
        page.reload()
    page.wait_for_function("globalThis.ready")
    assert answered.value.status in (200, 304)
    page.evaluate("taken()")
    assert page.evaluate("styled(true)") == COLOUR
    assert page.evaluate("styled(false)") != COLOUR
    assert broken(page, 1) == ["style-src-elem"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_page_opens_web_sockets_of_its_own_origin_only(browser: Browser, served: Served, host: str) -> None:
    port = urlsplit(served.url).port or 443
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"https://{host}:{port}/")
    page.wait_for_function("globalThis.ready")
    page.evaluate("taken()")
    # There is no session of this name: the service refuses it, and the policy does not.
    page.evaluate("opened(`wss://${location.host}/subscriptions/none`)")
    assert page.evaluate("fetch('/openapi.json').then((answer) => answer.status)") == 200
    other = "127.0.0.1" if host == "localhost" else "localhost"
    for url in (f"wss://{other}:{port}/", f"wss://{host}:{port + 1 if port < 65535 else port - 1}/"):
        page.evaluate("(url) => opened(url)", url)
        assert broken(page, 1) == ["connect-src"], url
    page.evaluate("(url) => fetch(url).catch(() => 0)", f"https://{other}:{port}/openapi.json")
    assert broken(page, 1) == ["connect-src"]
    context.close()


def test_the_page_does_not_open_in_a_frame(browser: Browser, served: Served) -> None:
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    for path, url in (("/openapi.json", f"{served.url}/openapi.json"), ("/", "chrome-error://chromewebdata/")):
        page.goto(f"{served.url}/openapi.json")
        loaded = "(src) => new Promise((done) => document.body.append("
        loaded += "Object.assign(document.createElement('iframe'), {src, onload: done})))"
        page.evaluate(loaded, f"{served.url}{path}")
        assert page.frames[1].url == url
    context.close()
