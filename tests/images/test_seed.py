"""Seeds of cloud images: what cloud-init and Ignition find, and that no password is shown."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.errors import UsageError
from uartsim.images.iso_writer import SECTOR_BYTES, iso_image
from uartsim.images.password_hash import password_hash
from uartsim.images.seed import Seed, read_seed


def files_of(image: bytes) -> dict[str, bytes]:
    """The files of an ISO 9660 image with Rock Ridge names, by a reader of its own (ECMA-119; RRIP)."""
    root = image[16 * SECTOR_BYTES + 156 :]
    sector, size = struct.unpack_from("<I4xI", root, 2)
    directory, files = image[sector * SECTOR_BYTES :][:size], {}
    at = 0
    while at < size:
        record = directory[at : at + directory[at]]
        if not record:
            at += SECTOR_BYTES - at % SECTOR_BYTES
            continue
        at += len(record)
        name_length = record[32]
        entries = record[33 + name_length + (name_length % 2 == 0) :]
        while len(entries) > 3:
            if entries[:2] == b"NM":
                begin, length = struct.unpack_from("<I4xI", record, 2)
                files[entries[5 : entries[2]].decode()] = image[begin * SECTOR_BYTES :][:length]
            entries = entries[entries[2] :]
    return files


def test_user_and_password_become_a_nocloud_disk() -> None:
    seed = read_seed("alice:se:cret 1")
    assert (seed.kind, seed.user, seed.password) == ("nocloud", "alice", "se:cret 1")
    files = files_of(seed.content)
    assert files["user-data"].startswith(b"#cloud-config\n")
    [account] = json.loads(files["user-data"].partition(b"\n")[2])["users"]
    assert account["name"] == "alice"
    assert account["lock_passwd"] is False
    assert account["hashed_passwd"] == password_hash("se:cret 1", "alice")
    assert files["meta-data"].startswith(b"instance-id: uartsim-")
    assert seed.content[16 * SECTOR_BYTES + 40 :].startswith(b"CIDATA ")


def test_same_seed_gives_the_same_bytes_and_another_is_another_instance() -> None:
    assert read_seed("alice:secret").content == read_seed("alice:secret").content
    others = [files_of(read_seed(text).content)["meta-data"] for text in ("alice:secret", "alice:other", "bob:secret")]
    assert len({*others}) == 3


def test_password_is_not_shown_and_not_in_the_disk() -> None:
    seed = read_seed("alice:topsecret")
    assert "topsecret" not in repr(seed)
    assert b"topsecret" not in seed.content


def test_hash_is_the_one_of_crypt() -> None:
    hashed = password_hash("secret", "alice")
    salt = hashed.split("$")[2]
    again = subprocess.run(
        ["openssl", "passwd", "-6", "-salt", salt, "secret"], capture_output=True, text=True, check=True
    )
    assert hashed == again.stdout.strip()
    assert hashed != password_hash("secret", "bob")


def test_folder_becomes_a_nocloud_disk(tmp_path: Path) -> None:
    (tmp_path / "user-data").write_text("#cloud-config\nhostname: x\n")
    (tmp_path / "network-config").write_text("version: 2\n")
    files = files_of(read_seed(str(tmp_path)).content)
    assert files["user-data"] == b"#cloud-config\nhostname: x\n"
    assert files["network-config"] == b"version: 2\n"
    assert files["meta-data"].startswith(b"instance-id: ")
    (tmp_path / "meta-data").write_text("instance-id: mine\n")
    assert files_of(read_seed(str(tmp_path)).content)["meta-data"] == b"instance-id: mine\n"


def test_ignition_file_is_handed_over_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a,b.ign"
    file.write_text('{"ignition": {"version": "3.3.0"}}')
    seed = read_seed(str(file))
    assert seed == Seed("ignition", file.read_bytes())
    assert seed.arguments(file) == ["-fw_cfg", f"name=opt/com.coreos/config,file={tmp_path}/a,,b.ign"]


def test_disk_is_given_to_qemu_read_only() -> None:
    assert read_seed("a:b").arguments(Path("/x/seed")) == [
        "-drive",
        "file=/x/seed,if=virtio,format=raw,readonly=on,id=uartsim-seed",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no such folder as ''"),
        ("alice", "there is no such folder as 'alice'"),
        ("alice:", "the password of alice must not be empty"),
        ("alice:a\nb", "printable characters"),
        (":secret", "'' cannot be the name of a user"),
        ("al ice:secret", "'al ice' cannot be the name of a user"),
        ("{}/none", "there is no such folder"),
        ("{}/none.ign", "none.ign cannot be read: No such file"),
        ("{}/bad.ign", "bad.ign is not JSON .*butane"),
        ("{}/list.ign", "is not an Ignition file"),
        ("{}/file", "file is a file; use USER:PASSWORD"),
        ("{}/empty", "has no user-data"),
        ("{}/strange", "cloud-init does not read 'README'"),
        ("{}/ignored", "begins with 'hostname: x', so cloud-init would ignore it"),
        ("x" * 5000, "there is no such folder"),
        ("a\0b", "there is no such folder"),
    ],
)
def test_what_is_not_a_seed_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad.ign").write_text("variant: fcos\n")
    (tmp_path / "list.ign").write_text("[]")
    (tmp_path / "file").touch()
    for name, file, content in (
        ("empty", "meta-data", ""),
        ("strange", "README", ""),
        ("ignored", "user-data", "hostname: x"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(content)
    with pytest.raises(UsageError, match=words):
        read_seed(text.replace("{}", str(tmp_path)))


def test_password_is_not_in_the_error() -> None:
    with pytest.raises(UsageError) as caught:
        read_seed("al ice:topsecret")
    assert "topsecret" not in str(caught.value)


names = st.text("abcdefghijklmnopqrstuvwxyz-_.ü", min_size=1, max_size=60).filter(lambda name: name.strip("."))


@given(st.dictionaries(names, st.binary(max_size=5000), max_size=40))
def test_every_file_is_found_in_the_image(files: dict[str, bytes]) -> None:
    image = iso_image("CIDATA", files)
    assert len(image) % SECTOR_BYTES == 0
    assert files_of(image) == files


@pytest.mark.needs("xorriso")
def test_another_program_reads_the_image(tmp_path: Path) -> None:
    files = {f"file-{number}": bytes([number]) * number * 100 for number in range(60)} | {"n" * 128: b"long"}
    image = tmp_path / "seed.iso"
    image.write_bytes(iso_image("CIDATA", files))
    command = ["xorriso", "-osirrox", "on", "-indev", str(image), "-extract", "/", str(tmp_path / "out")]
    subprocess.run(command, check=True, capture_output=True)
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == files
