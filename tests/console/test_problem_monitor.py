"""Which problems end a wait, and which do not."""

from __future__ import annotations

from typing import Any

from uartsim.console.problems.problem_monitor import ProblemMonitor
from uartsim.console.problems.problem_watch import Problem
from uartsim.console.text.matcher import Matcher
from uartsim.console.text.patterns import exact, expression
from uartsim.console.text.search import Found

PANIC = "[    9.000000] Kernel panic - not syncing: no init\n"


class Rig:
    def __init__(self, **options: Any) -> None:
        self.matcher = Matcher()
        self.monitor = ProblemMonitor(self.matcher, **options)

    def say(self, text: str) -> None:
        self.monitor.take(self.matcher.feed(text), text.encode(), 0.0)

    def find(self, pattern: str) -> Found | None:
        return self.matcher.search([expression(pattern)]).find()

    def fatal(self, found: Found | None = None) -> str | None:
        problem = self.monitor.fatal(found)
        return problem.id if isinstance(problem, Problem) else None


def test_fatal_problem_ends_one_wait() -> None:
    rig = Rig()
    rig.say("booting\n" + PANIC)
    assert rig.fatal() == "linux.panic"
    assert rig.fatal() is None
    assert [p.id for p in rig.monitor.look({}, 0.0)] == ["linux.panic"]


def test_milder_problem_ends_none_and_is_kept() -> None:
    rig = Rig()
    rig.say("Login incorrect\n")
    assert rig.fatal() is None
    assert [p.id for p in rig.monitor.look({}, 0.0)] == ["login.denied"]


def test_problem_that_was_waited_for_ends_no_wait() -> None:
    rig = Rig()
    rig.say(PANIC)
    found = rig.find("panic - not syncing: (.*)")
    assert found is not None
    assert rig.fatal(found) is None
    assert rig.fatal() is None


def test_problem_in_a_line_that_was_read_in_part_ends_no_wait() -> None:
    rig = Rig()
    rig.say(PANIC[:30])
    found = rig.matcher.search([exact("Kernel panic")]).find()
    assert found is not None
    rig.matcher.consume(found)
    rig.say(PANIC[30:])
    assert rig.monitor.look({}, 0.0)
    assert rig.fatal() is None


def test_problem_before_what_was_found_ends_the_wait_and_one_behind_it_the_next() -> None:
    rig = Rig()
    rig.say(PANIC + "demo login: ")
    found = rig.find("login: ")
    assert found is not None
    assert rig.fatal(found) == "linux.panic"
    late = Rig()
    late.say("demo login: \n" + PANIC)
    found = late.find("login: ")
    assert found is not None
    assert late.fatal(found) is None
    late.matcher.consume(found)
    assert late.fatal() == "linux.panic"


def test_prompt_of_a_rescue_shell_ends_a_wait_when_the_guest_pauses() -> None:
    rig = Rig()
    rig.say("grub rescue> ")
    assert rig.fatal() is None
    assert rig.monitor.wants_pause
    rig.monitor.pause(1.0)
    assert not rig.monitor.wants_pause
    assert rig.fatal() == "grub.rescue"


def test_problem_that_a_wait_deals_with_does_not_end_it() -> None:
    rig = Rig()
    rig.say("You are in emergency mode\n")
    assert rig.monitor.fatal(copes_with={"systemd.emergency"}) is None
    assert [p.id for p in rig.monitor.look({}, 0.0)] == ["systemd.emergency"]


def test_allowed_problem_ends_no_wait() -> None:
    rig = Rig(allow=["linux.*"])
    rig.say(PANIC)
    assert rig.fatal() is None
    assert rig.monitor.look({}, 0.0) == []


def test_own_problem_ends_a_wait() -> None:
    mine = {"id": "app.boom", "severity": "fatal", "match": ["boom"], "cause": "it burst", "advice": "mend it"}
    rig = Rig(problems=mine)
    rig.say("and boom\n")
    assert rig.fatal() == "app.boom"


def test_panic_without_a_line_end_is_known_when_the_guest_has_ended() -> None:
    rig = Rig()
    rig.say(PANIC[:-1])
    assert rig.fatal() is None
    rig.monitor.finish(1.0)
    assert rig.fatal() == "linux.panic"


def test_losses_garbage_and_silence_are_problems_that_end_no_wait() -> None:
    rig = Rig()
    rig.monitor.look({"overruns": 3, "missed": 0}, 1.0)
    rig.monitor.look({"overruns": 3, "missed": 0}, 2.0)
    rig.monitor.take([], bytes(range(128, 256)), 3.0)
    assert [(p.id, p.cause) for p in rig.monitor.look({}, 40.0)] == [
        ("line.lost", "3 characters were lost on the line (the guest's receiver was overrun)"),
        ("line.garbage", "98 % of the last 128 bytes are not text"),
        ("line.silent", "the guest has sent nothing for 37 s"),
    ]
    assert rig.fatal() is None
