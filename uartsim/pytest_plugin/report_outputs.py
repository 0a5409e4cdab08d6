"""Where failures go beside the terminal: JUnit XML, GitHub's annotations, and the artifacts of the session."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any, Final

import pytest

from uartsim.pytest_plugin.artifacts import KEPT, Artifacts
from uartsim.pytest_plugin.console_use import IN_USE
from uartsim.pytest_plugin.failure_report import EXTRA
from uartsim.pytest_plugin.live_console import LiveConsole
from uartsim.pytest_plugin.unittest_failures import UnittestFailures

#: The longest message of an annotation, in lines: GitHub shows a few, and its log has the whole report.
_ANNOTATED_LINES: Final = 15
#: By what the session's folder is known to pytest-xdist's workers.
_SESSION: Final = "uartsim_artifacts"


class ReportOutputs:
    """The hooks of one session.

    Args:
        config: the session's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._failures: list[pytest.TestReport] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist's which folder the session has."""
        artifacts = self._config.stash[KEPT]
        artifacts.hold()
        node.workerinput[_SESSION] = artifacts.session

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        """Write what a failed test's consoles have said into JUnit XML; where tests run in workers, the controller does."""
        extra = getattr(report, EXTRA, None)
        if extra is None or self._is_worker:
            return (yield)
        self._failures.append(report)
        if report.when == "teardown":  # the test's element is closed with this report, unless it is a second one
            _add_output(self._config, report, extra)
            return (yield)
        yield
        _add_output(self._config, report, extra)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the annotations of failures, where GitHub Actions reads them."""
        if os.environ.get("GITHUB_ACTIONS") != "true":
            return
        if self._config.pluginmanager.hasplugin("pytest_github_actions_annotate_failures"):
            return  # it has annotated them
        for report in self._failures:
            terminalreporter.ensure_newline()
            terminalreporter.line(annotation(report, str(self._config.rootpath)))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Remove the artifacts of old sessions, when all fixtures have ended."""
        self._config.stash[KEPT].end()
        if not self._is_worker:
            self._config.stash[KEPT].forget_old()


def begin_use(config: pytest.Config) -> None:
    """A test that has to do with consoles is about to run: set up, before the first, what tells of them."""
    config.stash[IN_USE] = True
    if KEPT not in config.stash:
        set_up_reporting(config).pytest_sessionstart()


def set_up_reporting(config: pytest.Config) -> LiveConsole:
    """Set up the artifacts, the outputs, and what is shown live.

    Raises:
        pytest.UsageError: the artifacts' folder cannot be used.
    """
    artifacts = Artifacts(config, getattr(config, "workerinput", {}).get(_SESSION))
    if not hasattr(config, "workerinput"):
        artifacts.check()
    config.stash[KEPT] = artifacts
    live = LiveConsole(config)
    config.pluginmanager.register(ReportOutputs(config), "uartsim-outputs")
    config.pluginmanager.register(live, "uartsim-live")
    config.pluginmanager.register(UnittestFailures(), "uartsim-unittest")
    return live


def _add_output(config: pytest.Config, report: pytest.TestReport, extra: dict[str, str]) -> None:
    """Add the consoles' output to a test's element; pytest itself writes there only what was captured, if that is asked for."""
    if not getattr(config.option, "xmlpath", None):
        return
    from xml.etree import ElementTree

    from _pytest.junitxml import bin_xml_escape, xml_key

    if (xml := config.stash.get(xml_key, None)) is None:
        return
    element = ElementTree.Element("system-out")
    attached = f"[[ATTACHMENT|{_attached(extra['page'])}]]\n" if extra["page"] else ""
    element.text = bin_xml_escape(f"{attached}{extra['output']}\n")
    xml.node_reporter(report).append(element)


def _attached(path: str) -> str:
    """The path of an attachment as the reader of the file wants it: GitLab relative to its project, Jenkins absolute."""
    project = os.environ.get("CI_PROJECT_DIR", "") if os.environ.get("GITLAB_CI") == "true" else ""
    return os.path.relpath(path, project) if project else path


def annotation(report: pytest.TestReport, root: str) -> str:
    """A failure as a command of GitHub's workflows.

    Args:
        report: the failed test's.
        root: the folder to which the report's paths are relative.
    """
    workspace = os.path.realpath(os.environ.get("GITHUB_WORKSPACE") or root)
    file, line = os.path.join(root, report.location[0]), (report.location[1] or 0) + 1
    crash = getattr(report.longrepr, "reprcrash", None)
    message = report.longreprtext.strip()
    if crash is not None:
        message = crash.message
        if os.path.realpath(crash.path).startswith(workspace + os.sep):
            file, line = crash.path, crash.lineno
    lines = message.splitlines()
    if len(lines) > _ANNOTATED_LINES:
        lines = [*lines[:_ANNOTATED_LINES], "..."]
    place = os.path.relpath(os.path.realpath(file), workspace)
    properties = f"file={_property(place)},line={line},title={_property(report.nodeid)}"
    return f"::error {properties}::{_data(os.linesep.join(lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
