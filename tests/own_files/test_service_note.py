"""The file by which `uartsim console` finds the service that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.own_files.folder import open_own
from uartsim.own_files.service_note import (
    SERVICE_NOTE,
    ServiceNote,
    read_service_note,
    remove_service_note,
    service_place,
    write_service_note,
)

NOTE = ServiceNote("https://localhost:4711", '/a "path"\\é/ca.pem')


def test_a_note_is_read_as_it_was_written_and_goes_with_the_service(tmp_path: Path) -> None:
    place = str(tmp_path / "state")
    with open_own(place, "service", "x") as folder:
        write_service_note(folder, ServiceNote("https://old", "/old"))
        write_service_note(folder, NOTE)
        assert read_service_note(place) == NOTE
        remove_service_note(folder)
        remove_service_note(folder)
    assert read_service_note(place) is None


def test_the_folder_is_in_the_state_folder_unless_a_variable_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    monkeypatch.delenv("UARTSIM_SERVE_STATE", raising=False)
    assert service_place() == "/xdg/uartsim/service"
    monkeypatch.setenv("UARTSIM_SERVE_STATE", "/elsewhere")
    assert service_place() == "/elsewhere"


@pytest.mark.parametrize("content", [b"", b"url = 1", b"url", b"\xff", b"url = 'x'", b"a=" + b"[" * 3000])
def test_a_damaged_note_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SERVICE_NOTE).write_bytes(content)
    with pytest.raises(
        UsageError, match=r"is damaged: start 'uartsim serve' again, or name the service with --endpoint"
    ):
        read_service_note(str(tmp_path))


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text('url = "https://evil"\nca_file = "x"\n')
    (tmp_path / SERVICE_NOTE).symlink_to(tmp_path / "real")
    with pytest.raises(UsageError, match="cannot be read"):
        read_service_note(str(tmp_path))
