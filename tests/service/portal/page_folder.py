"""A folder with a page as Vite and ``web/page_manifest.ts`` leave it, small and known to the test."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

INDEX = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="csp-nonce" content="%NONCE%">
<title>a page</title>
<script type="module" src="/portal/assets/page-1.js"></script>
</head>
<body></body>
</html>
"""


def write_page(folder: Path, index: str = INDEX, **scripts: str) -> Path:
    """Write a page with scripts, each with a twin that gzip has made and one that only claims to be brotli's.

    Args:
        folder: where the page is made.
        index: its text.
        scripts: the text of ``assets/NAME.js`` by NAME.
    """
    assets = folder / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[str]] = {"index.html": []}
    for name, text in scripts.items():
        (assets / f"{name}.js").write_text(text)
        (assets / f"{name}.js.br").write_bytes(b"brotli: " + text.encode())
        (assets / f"{name}.js.gz").write_bytes(gzip.compress(text.encode()))
        files[f"assets/{name}.js"] = ["br", "gz"]
    (folder / "index.html").write_text(index)
    (folder / "files.json").write_text(json.dumps({"sources": None, "files": files}))
    return folder
