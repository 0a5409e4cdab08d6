"""A person at the portal page: what he does, and what he sees."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.service.portal.page_watch import PageWatch
from tests.service.portal.portal_service import machine_id
from tests.service.served import SECRET
from uartsim.service.portal.portal_api import PATH as API

#: The rows of a terminal, as xterm.js gives them to screen readers.
ROWS: Final = ".xterm-accessibility-tree > div"
_SEEN = f"""
() => Array.from(document.querySelectorAll("{ROWS}"), (row) => row.textContent.replaceAll("\\u00a0", " ").trimEnd()).join("\\n")
"""
_HAS_SEEN = f"(text) => ({_SEEN})().includes(text)"


class PortalUser:
    """A person at a page.

    Args:
        page: an empty page of a context of his own.
        url: where the portal is.
        watch: what has happened in the page.

    Attributes:
        page: the page, for what is not here.
    """

    def __init__(self, page: Page, url: str, watch: PageWatch) -> None:
        self.page = page
        self.url = url
        self.watch = watch

    def open(self, hash_: str = "#/") -> None:
        """Open the portal, anew."""
        self.page.goto(f"{self.url}/{hash_}")

    def go(self, hash_: str) -> None:
        """Follow a link within the page: it stays loaded, and the user signed in."""
        self.page.evaluate("(hash) => { location.hash = hash; }", hash_)

    def go_home(self) -> None:
        """Go to the list of all resources, and leave whatever is open; a page that is not loaded is left alone."""
        if self.page.url != "about:blank":
            self.page.keyboard.press("Escape")
            self.go("#/")
            expect(self.page.get_by_role("heading", name="All resources", level=1)).to_be_visible()

    def sign_in(self, user: str = "owner", password: str = SECRET) -> None:
        """Open the portal and sign in."""
        if self.page.url == "about:blank":
            self.open()
        self.page.get_by_label("User name").fill(f"{user}@example.com")
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_label("Password", exact=True)).to_have_count(0)

    @staticmethod
    def hash_of(machine: str, blade: str = "") -> str:
        """The hash of a blade of a machine, such as ``linux1`` or ``web/0``."""
        return f"#/resource{machine_id(machine)}{f'!{blade}' if blade else ''}"

    def open_blade(self, machine: str, blade: str = "") -> None:
        """Go to a blade of a machine."""
        self.go(self.hash_of(machine, blade))

    def open_console(self, machine: str) -> None:
        """Go to a machine's console, and wait until it is connected."""
        self.open_blade(machine, "console")
        self.expect_connected()

    def expect_connected(self, how: str = "Connected") -> None:
        """Wait until the status line says that the console is connected."""
        expect(self.page.get_by_role("definition").get_by_text(how, exact=True)).to_be_visible()

    @property
    def terminal(self) -> Locator:
        """What takes the keys of the terminal."""
        return self.page.locator(".xterm-helper-textarea")

    def terminal_has_focus(self) -> bool:
        """Whether keys go to the terminal."""
        return bool(self.terminal.evaluate("(element) => element === document.activeElement"))

    def terminal_text(self) -> str:
        """The rows of the terminal that are visible, as a screen reader gets them."""
        return str(self.page.evaluate(_SEEN))

    def expect_in_terminal(self, text: str) -> None:
        """Wait until a text is visible in the terminal."""
        try:
            self.page.wait_for_function(_HAS_SEEN, arg=text)
        except PlaywrightTimeoutError as error:
            raise AssertionError(f"no {text!r} in the terminal: {self.terminal_text()!r}") from error

    def expect_prompt(self, prompt: str) -> None:
        """Wait until a prompt is the last that is visible in the terminal."""
        try:
            self.page.wait_for_function(f"(prompt) => ({_SEEN})().trimEnd().endsWith(prompt)", arg=prompt)
        except PlaywrightTimeoutError as error:
            raise AssertionError(f"no {prompt!r} at the end of the terminal: {self.terminal_text()!r}") from error

    def type(self, text: str) -> None:
        """Type at the terminal, and Enter."""
        self.terminal.focus()
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def key(self, key: str) -> None:
        """Press a key at the terminal, by its name in the browser: ``Enter``, ``ArrowDown``, ``Control+x``."""
        self.terminal.focus()
        self.page.keyboard.press(key)

    def compose(self, text: str) -> None:
        """Enter a text at the terminal by an input method: it is composed, and then comes at once."""
        self.terminal.focus()
        session = self.page.context.new_cdp_session(self.page)
        for end in range(1, len(text) + 1):
            session.send("Input.imeSetComposition", {"text": text[:end], "selectionStart": end, "selectionEnd": end})
        session.send("Input.insertText", {"text": text})
        session.detach()

    def login(self, user: str = "root", password: str = "toor", prompt: str = "~#") -> None:
        """Log in to a Linux at its prompt."""
        self.expect_prompt("login:")
        self.type(user)
        self.expect_in_terminal("Password:")
        self.type(password)
        self.expect_prompt(prompt)

    def log_in_if_asked(self) -> None:
        """Log in to a Linux, unless its shell is there already."""
        self.page.wait_for_function(f"() => /(login:|[#$]) *$/.test(({_SEEN})().trimEnd())")
        if self.terminal_text().rstrip().endswith("login:"):
            self.login()

    def press(self, button: str) -> None:
        """Press a button by its accessible name."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def confirm(self) -> None:
        """Press the first button of a dialog, which does what it asks for."""
        self.page.get_by_role("dialog").get_by_role("button").first.click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)

    def tool(self, label: str) -> None:
        """Press a button of the toolbar, or its entry in the menu at the toolbar's end where it has no room."""
        button = self.page.get_by_role("button", name=label, exact=True)
        more = self.page.get_by_role("button", name="More", exact=True)
        button.or_(more).first.wait_for()
        if button.count() == 0:
            more.click()
            button = self.page.get_by_role("menuitem", name=label, exact=True)
        button.click()

    def reset(self, machine: str) -> None:
        """Reset the machine whose console it is, and confirm that."""
        self.tool(f"Reset {machine}")
        self.confirm()

    def watch_only(self, machine: str) -> None:
        """Leave the line to others, or come back to it."""
        self.tool(f"Watch only: release {machine}'s console")

    def whole_text(self) -> str:
        """All that the terminal keeps, as its download has it."""
        with self.page.expect_download() as download:
            self.tool("Download the output as a text file")
        return download.value.path().read_text()

    def select_word(self, row: str) -> None:
        """Select the first word of the last row of the terminal that begins with a text."""
        rows = self.terminal_text().split("\n")
        number = max(index for index, text in enumerate(rows) if text.startswith(row))
        box = self.page.locator(".xterm-screen").bounding_box()
        assert box is not None
        self.page.mouse.dblclick(box["x"] + 4, box["y"] + (number + 0.5) * box["height"] / len(rows))

    def point_at(self, text: str) -> None:
        """Click at the beginning of a text in the terminal."""
        rows = self.terminal_text().split("\n")
        number = max(index for index, row in enumerate(rows) if text in row)
        box = self.page.locator(".xterm-screen").bounding_box()
        assert box is not None
        y = box["y"] + (number + 0.5) * box["height"] / len(rows)
        size = self.page.get_by_role("definition").get_by_text(" × ").text_content() or ""
        width = box["width"] / int(size.split(" ")[0])
        self.page.mouse.click(box["x"] + (rows[number].index(text) + 0.5) * width, y)

    def another_tab(self) -> PortalUser:
        """The same user in another tab of his browser."""
        tab = PortalUser(self.page.context.new_page(), self.url, self.watch)
        tab.open()
        return tab

    def press_unavailable(self, button: str) -> None:
        """Press a button that does not apply now, and tells why: by the keyboard, which goes to it all the same."""
        found = self.page.get_by_role("button", name=button, exact=True)
        expect(found).to_be_disabled()
        found.press("Enter")

    def paste(self, text: str) -> None:
        """Paste into the terminal with Ctrl+Shift+V; the context has to allow the clipboard."""
        self.page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
        self.terminal.focus()
        self.page.keyboard.press("Control+Shift+V")

    def settings(self) -> dict[str, object]:
        """What the service says of itself."""
        return dict(self.page.evaluate(f"fetch('{API}/settings').then((answer) => answer.json())"))
