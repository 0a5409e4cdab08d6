"""A login, a command, and what must not happen meanwhile."""

from uartsim.blocking import Console


def test_kernel(console: Console) -> None:
    console.login("root", "toor")
    result = console.run("uname -s")
    assert (result.output, result.status) == ("Linux\n", 0)


def test_boot_has_no_failed_unit(console: Console) -> None:
    console.expect("login: ", not_matching=[r"\[FAILED\]", "Dependency failed"])
    assert [problem.id for problem in console.problems] == []
