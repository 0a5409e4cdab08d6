"""A serial log whose file cannot be used is off; the service starts, and the file stays as it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.served import TENANT, Served

ONE = TENANT + '\n[[vm]]\nname = "vm1"\npower = "stopped"\n'


@pytest.mark.parametrize("kind", ["cut short", "foreign", "link", "fifo"])
def test_a_bad_serial_log_does_not_stop_the_service(serve: Callable[..., Served], tmp_path: Path, kind: str) -> None:
    first = serve(ONE)
    (file,) = (first.state / "serial-logs").glob("*.log")
    first.close()
    content = file.read_bytes()[:10] if kind == "cut short" else b"not ours\n" * 40
    file.unlink()
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "link":
        (tmp_path / "target").write_bytes(content)
        file.symlink_to(tmp_path / "target")
    else:
        file.write_bytes(content)
    said = Served(first.state, ONE)
    try:
        (sentence,) = [text for text in said.said if str(file) in text]
        assert "serial log is off" in sentence
        assert "move it out of the way" in sentence
    finally:
        said.close()
    assert file.is_fifo() if kind == "fifo" else file.read_bytes() == content
