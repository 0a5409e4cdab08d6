"""The mark ``uartsim_requires``: a test that cannot run here says what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.console.fakes import write_guest
from uartsim.pytest_plugin import mark_requirements

Run = Callable[..., pytest.RunResult]

TESTS = """
    import pytest

    @pytest.mark.uartsim_requires("sh", "/bin/sh", guest="talker")
    def test_all_there(): pass

    @pytest.mark.uartsim_requires("no-such-program", "/no/such/file", "sh", guest=["needy", "talker"])
    def test_missing(): pass
"""
MISSING = (
    "the program no-such-program is missing: install the package that has no-such-program, or put it into PATH; "
    "the file /no/such/file is missing: put it there; the program needed-program is missing: apt-get install needed"
)


@pytest.fixture
def needy(talkers: pytest.Pytester) -> None:
    write_guest(
        talkers.path / "needy",
        "pass",
        needs='[[needs]]\nprogram = "needed-program"\ninstall = "apt-get install needed"',
    )


@pytest.mark.usefixtures("needy")
def test_test_is_skipped_with_the_remedy_of_each_thing(run_tests: Run) -> None:
    result = run_tests(TESTS, "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED [[]1[]] *: {MISSING}"])


@pytest.mark.usefixtures("needy")
def test_strict_makes_an_error_of_it(run_tests: Run) -> None:
    result = run_tests(TESTS, "--uartsim-strict")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"{MISSING} (--uartsim-strict is on)"])
    result.stdout.no_fnmatch_line("*hidden*")


def test_program_of_a_guest_in_the_catalogue_is_installed_as_its_manifest_says(
    run_tests: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uartsim.guest.catalogue.find_program", lambda name: None)
    result = run_tests(
        """
        import pytest

        @pytest.mark.uartsim_requires("qemu-system-x86_64")
        def test_it(): pass
        """,
        "-rs",
    )
    result.stdout.fnmatch_lines(
        ["SKIPPED*: the program qemu-system-x86_64 is missing: apt-get install qemu-system-x86*"]
    )


@pytest.mark.parametrize(
    ("exists", "words"),
    [
        (
            False,
            "KVM is needed: there is no /dev/kvm: switch virtualisation on in the firmware and load kvm_intel or kvm_amd",
        ),
        (True, "KVM is needed: /dev/kvm cannot be opened: sudo usermod -aG kvm $USER, and log in again"),
    ],
)
def test_kvm_and_root_have_remedies(run_tests: Run, monkeypatch: pytest.MonkeyPatch, exists: bool, words: str) -> None:
    monkeypatch.setattr(mark_requirements, "kvm_is_there", lambda: exists)
    monkeypatch.setattr(mark_requirements, "kvm_can_be_opened", lambda: False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    result = run_tests(
        """
        import pytest

        @pytest.mark.uartsim_requires("kvm", "root")
        def test_it(): pass
        """,
        "-rs",
    )
    result.stdout.fnmatch_lines(
        [f"SKIPPED [[]1[]] test_it.py:3: {words}; root is needed: run the same command as root, such as with sudo"]
    )


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("guest='talkr'", "unknown guest 'talkr'*"),
        (
            "gest='talker'",
            "mark uartsim_requires has no option 'gest': it takes names, such as 'kvm', and guest=NAME",
        ),
        (
            "",
            "mark uartsim_requires names nothing: write 'kvm', 'root', a program, the path of a file, or guest=NAME",
        ),
        (
            "3",
            "mark uartsim_requires takes no 3: write 'kvm', 'root', a program, the path of a file, or guest=NAME",
        ),
    ],
)
def test_mistake_in_the_mark_has_its_file_and_line(run_tests: Run, mark: str, words: str) -> None:
    result = run_tests(
        f"""
        import pytest

        class TestIt:
            @pytest.mark.uartsim_requires("sh")
            @pytest.mark.uartsim_requires({mark})
            def test_it(self): pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"test_it.py:5: {words}"])
    result.stdout.no_fnmatch_line("*hidden*")
