"""The pages on which a person types name and password: plain HTML forms."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from html import escape
from typing import Final

from starlette.responses import HTMLResponse, Response

#: Where a page may send its form: here, and to a program on this computer that waits for the outcome.
_FORMS: Final = "form-action 'self' http://localhost:* http://127.0.0.1:*"
_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Sign in to uartsim</title></head>
<body>
<h1>Sign in to uartsim</h1>
{content}
</body>
</html>
"""


def sign_in_form(hidden: Mapping[str, str], *, refusal: str = "", ask_code: str | None = None) -> Response:
    """A form for name and password, which it sends to its own address.

    Args:
        hidden: what is sent along.
        refusal: why the last attempt has failed.
        ask_code: a code to confirm, which the person has been shown elsewhere; None if there is none.
    """
    lines = [f"<p><strong>{escape(refusal)}</strong></p>"] if refusal else []
    lines += ['<form method="post">', *_hidden(hidden)]
    if ask_code is not None:
        lines.append(f'<p><label>Code <input name="user_code" required value="{escape(ask_code)}"></label></p>')
    lines += [
        '<p><label>User <input name="username" autocomplete="username" required></label></p>',
        '<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>',
        "<p><button>Sign in</button></p>",
        "</form>",
    ]
    return _page("\n".join(lines), 401 if refusal else 200)


def message_page(text: str, status: int = 200) -> Response:
    """A page that says something."""
    return _page(f"<p>{escape(text)}</p>", status)


def post_to(address: str, values: Mapping[str, str]) -> Response:
    """A page that sends values on to an address by itself (the response mode ``form_post``)."""
    nonce = secrets.token_urlsafe(16)
    lines = [
        f'<form method="post" action="{escape(address)}">',
        *_hidden(values),
        "<p><button>Continue</button></p>",
        "</form>",
        f'<script nonce="{nonce}">document.forms[0].submit()</script>',
    ]
    return _page("\n".join(lines), script=f"script-src 'nonce-{nonce}'; ")


def _hidden(values: Mapping[str, str]) -> list[str]:
    return [
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in values.items()
        if value
    ]


def _page(content: str, status: int = 200, *, script: str = "") -> Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"default-src 'none'; {script}{_FORMS}; frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(_PAGE.format(content=content), status, headers)
