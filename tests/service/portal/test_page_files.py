"""The page and its assets: what a browser is told to do with them, and what is not served."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.service.portal.page_folder import INDEX, write_page
from tests.service.served import Served
from uartsim.service.portal import page_files

SCRIPT = "console.log('a script');\n" * 40


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of the test's own, in the place of the installation's."""
    monkeypatch.setattr(page_files, "PAGE_FOLDER", tmp_path / "page")
    return write_page(tmp_path / "page", page=SCRIPT)


@pytest.fixture
def client(folder: Path, served: Served) -> httpx.Client:
    client = served.client()
    client.headers["Accept-Encoding"] = "identity"
    return client


def raw(client: httpx.Client, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """A GET of just this path, and the bytes of the answer as they came."""
    url = client.base_url.copy_with(raw_path=path.encode())
    with client.stream("GET", url, headers=headers) as response:
        return response, b"".join(response.iter_raw())


def policy(response: httpx.Response) -> dict[str, list[str]]:
    """The directives of the content security policy."""
    directives = (part.split() for part in response.headers["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in directives}


def test_the_page_may_use_its_own_origin_and_nothing_else(client: httpx.Client) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    given = policy(response)
    assert given["default-src"] == given["frame-ancestors"] == given["base-uri"] == given["form-action"] == ["'none'"]
    assert given["script-src"] == given["connect-src"] == ["'self'"]
    assert (given.pop("require-trusted-types-for"), given.pop("trusted-types")) == (["'script'"], ["'none'"])
    allowed = {value for values in given.values() for value in values if not value.startswith("'nonce-")}
    assert allowed == {"'none'", "'self'", "blob:"}
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "clipboard-read=(self), clipboard-write=(self)" in response.headers["Permissions-Policy"]
    assert "camera=()" in response.headers["Permissions-Policy"]


def test_each_answer_has_a_nonce_of_its_own_in_the_page_and_in_the_policy(client: httpx.Client) -> None:
    nonces = set()
    for _ in range(3):
        response = client.get("/")
        match = re.search(r'<meta name="csp-nonce" content="([\w-]{20,})">', response.text)
        assert match
        assert policy(response)["style-src"] == ["'self'", f"'nonce-{match[1]}'"]
        assert response.text == INDEX.replace("%NONCE%", match[1])
        nonces.add(match[1])
    assert len(nonces) == 3


def test_a_browser_that_has_the_page_keeps_it_with_its_policy(client: httpx.Client, folder: Path) -> None:
    tag = client.get("/").headers["ETag"]
    assert tag.startswith('W/"')
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        response = client.get("/", headers={"If-None-Match": known})
        assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", tag)
        # Another nonce would not be the one in the page that the browser has.
        assert "Content-Security-Policy" not in response.headers
    assert client.get("/", headers={"If-None-Match": 'W/"other"'}).status_code == 200
    write_page(folder, INDEX.replace("a page", "another page"), page=SCRIPT)
    response = client.get("/", headers={"If-None-Match": tag})
    assert (response.status_code, "another page" in response.text) == (200, True)
    assert response.headers["ETag"] != tag


def test_a_page_under_another_policy_has_another_tag(
    client: httpx.Client, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = client.get("/").headers["ETag"]
    monkeypatch.setattr(page_files, "_POLICY", "default-src 'none'")
    write_page(folder, page=SCRIPT)
    assert client.get("/").headers["ETag"] != tag


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("br;q=0, *", "gzip"),
        ("*;q=0", None),
        ("BR", "br"),
        ("br;q=x", None),
        ("deflate", None),
        ("identity", None),
        ("", None),
    ],
)
def test_an_asset_comes_in_the_best_coding_that_the_browser_takes(
    client: httpx.Client, accept: str, coding: str | None
) -> None:
    response, content = raw(client, "/portal/assets/page.js", **{"Accept-Encoding": accept})
    assert response.status_code == 200
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    expected = {"br": b"brotli: " + SCRIPT.encode(), "gzip": gzip.compress(SCRIPT.encode()), None: SCRIPT.encode()}
    if coding == "gzip":
        assert gzip.decompress(content) == SCRIPT.encode()
    else:
        assert content == expected[coding]
    assert int(response.headers["Content-Length"]) == len(content)


def test_an_asset_is_kept_for_a_year_and_has_the_type_that_its_name_tells(client: httpx.Client, folder: Path) -> None:
    types = {
        "a.js": "text/javascript; charset=utf-8",
        "a.css": "text/css; charset=utf-8",
        "a.svg": "image/svg+xml",
        "a.png": "image/png",
        "a.woff2": "font/woff2",
        "a.what": "application/octet-stream",
    }
    for name in types:
        (folder / "assets" / name).write_text("text")
    (folder / "files.json").write_text(json.dumps({"files": {f"assets/{name}": [] for name in types}}))
    for name, kind in types.items():
        response = client.get(f"/portal/assets/{name}")
        assert (response.status_code, response.headers["Content-Type"]) == (200, kind)
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Vary" not in response.headers
    assert client.get("/").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/portal/assets/page.js"])
def test_head_tells_what_get_would_without_the_body(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    "path",
    [
        "/portal/assets/other.js",
        "/portal/assets/page.js/",
        "/portal/assets/",
        "/portal/assets",
        "/portal/index.html",
        "/portal/files.json",
        "/portal/assets/page.js.gz",
        "/portal/assets/../files.json",
        "/portal/assets/%2e%2e/files.json",
        "/portal/..%2f__init__.py",
        "/portal/assets/..%2f..%2fsecret",
        "/portal//etc/passwd",
        "/portal/%2fetc%2fpasswd",
        "/portal/assets/page.js%00",
    ],
)
def test_nothing_is_served_but_what_the_list_names(client: httpx.Client, folder: Path, path: str) -> None:
    (folder.parent / "secret").write_text("secret")
    response, content = raw(client, path)
    assert (response.status_code, content) == (404, b"There is no such file.\n")


def test_an_asset_that_a_new_build_has_removed_is_not_found(client: httpx.Client, folder: Path) -> None:
    assert client.get("/portal/assets/page.js").status_code == 200
    for file in (folder / "assets").iterdir():
        file.unlink()
    assert client.get("/portal/assets/page.js").status_code == 404


@pytest.mark.parametrize("path", ["/portal", "/portal/"])
def test_the_path_of_the_portal_leads_to_the_page(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.headers["Location"]) == (307, "/")


def test_without_a_page_the_answer_says_what_is_missing_and_how_to_get_it(client: httpx.Client, folder: Path) -> None:
    (folder / "files.json").unlink()
    response = client.get("/")
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "has not been built: install node 18 or later and npm" in response.text
    (folder / "why_missing.txt").write_text("The portal page is missing because of a test:\nmend it.\n")
    assert client.get("/").text == "The portal page is missing because of a test: mend it.\n"
    assert client.get("/portal/assets/page.js").status_code == 404
    (folder / "why_missing.txt").unlink()
    for damaged in ("{damaged", "{}", "[]", '{"files": []}', '{"files": {"page.js": 1}}'):
        (folder / "files.json").write_text(damaged)
        response = client.get("/")
        assert response.status_code == 503
        assert "has not been built" in response.text
    write_page(folder, page=SCRIPT)
    assert client.get("/").status_code == 200


def test_a_page_that_cannot_be_read_is_missing(tmp_path: Path) -> None:
    assert "has not been built" in (page_files.PageFiles(tmp_path / "none").why_missing() or "")
    (tmp_path / "why_missing.txt").write_text("")
    assert "has not been built" in (page_files.PageFiles(tmp_path).why_missing() or "")
    assert page_files.PageFiles(write_page(tmp_path, page="")).why_missing() is None


def test_the_page_of_the_rest_calls_keeps_its_own_policy(serve: Callable[..., Served]) -> None:
    given = policy(serve().client().get("/docs"))
    assert given["style-src"] == ["'self'", "'unsafe-inline'"]
    assert given["script-src"] == ["'self'"]
