"""The store: it is what a dictionary would be, it is still so after a restart, and it says why it cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from uartsim.errors import UartsimError, UsageError
from uartsim.service.store import Resource, ResourceId, Store
from uartsim.service.store.store import VERSION

SUBSCRIPTION = ResourceId("/subscriptions/S")
IDS = [
    ResourceId(f"/subscriptions/{s}{rest}")
    for s in "ST"
    for rest in ("", "/resourceGroups/G", "/resourceGroups/G2", "/resourceGroups/G/providers/A.B/c/d")
]
CHANGE = tuple[Resource | None, Resource | None]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store(None)
    yield made
    made.close()


def thing(name: str, value: object = 1) -> Resource:
    return Resource(SUBSCRIPTION / f"resourceGroups/{name}", {"properties": {"value": value}}, {"hidden": True})


class LikeADictionary(RuleBasedStateMachine):
    """A store in a file beside a dictionary; it is closed and opened again at any time."""

    @initialize()
    def open(self) -> None:
        import tempfile

        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name) / "state.sqlite"
        self.store = Store(self.path)
        self.model: dict[str, object] = {}
        self.heard: list[CHANGE] = []
        self.store.subscribe(lambda before, after: self.heard.append((before, after)))

    @rule(resource_id=st.sampled_from(IDS), value=st.integers(), upper=st.booleans())
    def put(self, resource_id: ResourceId, value: int, upper: bool) -> None:
        written = ResourceId(str(resource_id).upper()) if upper else resource_id
        self.store.put(Resource(written, {"value": value}))
        self.model[resource_id.key] = value
        before, after = self.heard[-1]
        assert after is not None
        assert after.body == {"value": value}
        assert before is None or before.id == resource_id

    @rule(resource_id=st.sampled_from(IDS))
    def delete(self, resource_id: ResourceId) -> None:
        gone = [key for key in self.model if key == resource_id.key or key.startswith(resource_id.key + "/")]
        assert self.store.delete(resource_id) is bool(gone)
        for key in gone:
            del self.model[key]

    @rule(resource_id=st.sampled_from(IDS))
    def fail_in_a_transaction(self, resource_id: ResourceId) -> None:
        heard = len(self.heard)
        with pytest.raises(ZeroDivisionError):
            self._fail(resource_id)
        assert len(self.heard) == heard

    def _fail(self, resource_id: ResourceId) -> None:
        with self.store.transaction():
            self.store.put(Resource(resource_id, {"value": "never"}))
            self.store.delete(IDS[0])
            raise ZeroDivisionError

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.path)
        self.store.subscribe(lambda before, after: self.heard.append((before, after)))

    @invariant()
    def is_the_same(self) -> None:
        if not hasattr(self, "store"):
            return
        for resource_id in IDS:
            found = self.store.get(resource_id)
            assert (None if found is None else found.body["value"]) == self.model.get(resource_id.key)
        kind = "Microsoft.Resources/resourceGroups"
        listed = [one.id.key for one in self.store.list(kind, SUBSCRIPTION)]
        assert listed == sorted(
            key for key in self.model if key.startswith("/subscriptions/s/") and key.count("/") == 4
        )

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self._folder.cleanup()


def test_the_store_is_like_a_dictionary_that_outlives_it() -> None:
    run_state_machine_as_test(
        LikeADictionary, settings=settings(max_examples=15, stateful_step_count=20, deadline=None)
    )


def test_what_was_put_is_there_after_a_restart_with_what_is_hidden(database: Path) -> None:
    first = Store(database)
    first.put(thing("a", "ä\0\u2028"))
    first.close()
    second = Store(database)
    assert second.get(thing("A").id) == thing("a", "ä\0\u2028")
    second.close()


def test_a_change_outlives_a_process_that_is_killed(database: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from uartsim.service.store import *\n"
        "store = Store(Path(sys.argv[1])); store.put(Resource(ResourceId('/subscriptions/S'), {'kept': True}))\n"
        "os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(database)], check=False)
    assert ended.returncode == -9
    store = Store(database)
    found = store.get(SUBSCRIPTION)
    assert found is not None
    assert found.body == {"kept": True}
    store.close()


def test_a_second_user_of_the_database_is_refused(database: Path) -> None:
    first = Store(database)
    with pytest.raises(UsageError, match=r"is in use by another process: end it"):
        Store(database)
    first.close()
    Store(database).close()


@pytest.mark.parametrize(
    "content", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000], ids=["text", "header only"]
)
def test_a_damaged_database_is_said_and_left_alone(database: Path, content: bytes) -> None:
    database.write_bytes(content)
    with pytest.raises(UsageError, match=r"is damaged \(.*\); '--reset-state' sets it aside"):
        Store(database)
    assert database.read_bytes() == content


@pytest.mark.parametrize(
    "row",
    [
        ("no id", "{}", "{}"),
        ("/a/b", "{", "{}"),
        ("/a/b", "[]", "{}"),
        ("/a/b", "{}", "1"),
        ("/a/b", "[" * 100000, "{}"),
    ],
)
def test_a_row_that_makes_no_sense_is_damage(database: Path, row: tuple[str, str, str]) -> None:
    Store(database).close()
    with sqlite3.connect(database) as other:
        other.execute("INSERT INTO resources VALUES ('x', ?, ?, ?)", row)
    other.close()
    with pytest.raises(UsageError, match="'--reset-state'"):
        Store(database)


def test_a_later_version_is_said_and_left_alone(database: Path) -> None:
    Store(database).close()
    with sqlite3.connect(database) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 5}")
    other.close()
    with pytest.raises(UsageError, match=f"of version {VERSION + 5}, and this uartsim knows versions up to {VERSION}"):
        Store(database)


def test_the_database_of_another_program_is_left_alone(database: Path) -> None:
    with sqlite3.connect(database) as other:
        other.execute("CREATE TABLE theirs (a)")
    other.close()
    with pytest.raises(UsageError, match="the database of another program"):
        Store(database)
    with sqlite3.connect(database) as other:
        assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    other.close()


def test_an_earlier_version_is_brought_up_to_date_after_a_copy_was_made(database: Path) -> None:
    with sqlite3.connect(database) as other:
        other.execute("CREATE TABLE resources (key TEXT PRIMARY KEY, id TEXT, body TEXT, private TEXT)")
        other.execute("INSERT INTO resources VALUES ('/subscriptions/s', '/subscriptions/S', '{\"a\": 1}', '{}')")
        other.execute("PRAGMA user_version = 1")
    other.close()
    store = Store(database)
    found = store.get(SUBSCRIPTION)
    assert found is not None
    assert found.body == {"a": 1}
    assert store.earlier_copy is not None
    store.close()
    with sqlite3.connect(store.earlier_copy) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (1,)
        assert copy.execute("SELECT body FROM resources").fetchall() == [('{"a": 1}',)]
    copy.close()
    again = Store(database)
    assert again.earlier_copy is None
    again.close()


def test_listeners_are_told_after_the_transaction_and_once_for_each_change(store: Store) -> None:
    heard: list[CHANGE] = []
    store.subscribe(lambda before, after: heard.append((before, after)))
    with store.transaction():
        store.put(thing("a"))
        store.put(thing("a", 2))
        assert heard == []
    assert heard == [(None, thing("a")), (thing("a"), thing("a", 2))]
    store.delete(SUBSCRIPTION)
    assert heard[-1] == (thing("a", 2), None)


def test_a_listener_sees_the_store_as_it_is_after_the_change_and_may_change_it(store: Store) -> None:
    def follow(before: Resource | None, after: Resource | None) -> None:
        if after is not None and after.id.name == "a":
            store.put(thing("b"))

    store.subscribe(follow)
    store.put(thing("a"))
    assert store.get(thing("b").id) == thing("b")


def test_a_listener_that_fails_is_logged_and_the_others_are_told(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(before: Resource | None, after: Resource | None) -> None:
        raise RuntimeError("a mistake")

    heard: list[CHANGE] = []
    store.subscribe(fail)
    store.subscribe(lambda before, after: heard.append((before, after)))
    store.put(thing("a"))
    assert heard == [(None, thing("a"))]
    assert f"A change of {thing('a').id} was not followed" in caplog.text


def test_a_transaction_that_cannot_begin_leaves_the_store_as_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[CHANGE] = []
    store.subscribe(lambda before, after: heard.append((before, after)))
    with monkeypatch.context() as patch:
        patch.setattr(store, "_database", Unwritable())
        with pytest.raises(UartsimError, match=r"cannot be written \(disk I/O error\)"), store.transaction():
            raise AssertionError("the block is not entered")
    store.put(thing("a"))
    assert heard == [(None, thing("a"))]


class Unwritable:
    """A database whose disk has failed."""

    in_transaction = False

    def execute(self, statement: str) -> None:
        raise sqlite3.OperationalError("disk I/O error")


def test_what_is_not_json_is_refused_and_changes_nothing(store: Store) -> None:
    store.put(thing("a"))
    for value in (float("nan"), b"bytes"):
        with pytest.raises((ValueError, TypeError)):
            store.put(thing("a", value))
    assert store.get(thing("a").id) == thing("a")


def test_a_large_resource_and_a_large_number_of_them_are_kept(database: Path) -> None:
    store = Store(database)
    with store.transaction():
        store.put(thing("large", "x" * 10_000_000))
        for number in range(5000):
            store.put(thing(f"g{number}", number))
    store.close()
    store = Store(database)
    assert len(list(store.list("microsoft.resources/RESOURCEGROUPS"))) == 5001
    store.close()


def test_a_full_disk_is_said_and_nothing_has_changed(database: Path) -> None:
    store = Store(database)
    store.put(thing("a"))
    store._database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(UartsimError, match=r"cannot be written \(.*full.*\): make room on the disk"):
        store.put(thing("a", "x" * 1_000_000))
    with pytest.raises(UartsimError, match="cannot be written"), store.transaction():
        store.put(thing("b", "x" * 1_000_000))
    assert store.get(thing("a").id) == thing("a")
    assert store.get(thing("b").id) is None
    store.close()
