"""Generate the modules of the blocking console (:data:`MODULES`) from the async ones.

python tools/derive_blocking.py            prints the modules
python tools/derive_blocking.py --write    writes them, and formats them with ruff

Each public member of an async class becomes a member with the same name, parameters, types and docstring that runs on the
console's background thread.  The sources are parsed, not imported, so that types stay as they are written.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: The generated modules; for each class in them, the module of the async class and the beginning of the docstring.
MODULES = {
    "uartsim.console.blocking_console": {
        "Console": ("uartsim.console.console", "A console"),
    },
    "uartsim.console.blocking_readings": {
        "ConsoleReadings": ("uartsim.console.console_readings", "What can be read of a console"),
    },
    "uartsim.console.blocking_snapshots": {
        "Snapshots": ("uartsim.console.snapshots", "Saving the machine behind a console, and going back"),
    },
    "uartsim.console.blocking_guest": {
        "GuestAgent": ("uartsim.console.guest_agent", "The agent of a console's guest"),
        "Sac": ("uartsim.console.sac.sac", "Windows' SAC on a console"),
    },
    "uartsim.console.blocking_facets": {
        "ConsoleLine": ("uartsim.console.console_line", "The line of a console"),
        "Grub": ("uartsim.console.grub.grub", "GRUB on a console"),
        "Recovery": ("uartsim.console.recovery", "The procedures of distributions on a console"),
        "Stimulus": ("uartsim.console.stimuli", "A stimulus that is at work"),
        "PrintkStorm": ("uartsim.console.stimuli", "Kernel lines in what the guest sends"),
        "StolenLine": ("uartsim.console.stimuli", "A line that another client holds"),
        "Stimuli": ("uartsim.console.stimuli", "The faults of a machine that a test can start"),
    },
}
#: The module of the blocking form of each class.
HOMES = {name: module for module, classes in MODULES.items() for name in classes}
#: Public members that have no blocking form, and why.
LEFT_OUT = {
    "Console.follow": "the background thread does this",
    "ConsoleLine.of": "made from the async console's",
    "Snapshots.become": "only open_console() and restore() give a console a state",
    "PrintkStorm.splice": "called with each piece of output, on the machine's side",
}
#: Plain values that the last call set: they are read directly, without the background thread.
PLAIN = {f"ConsoleReadings.{name}" for name in ("after", "before", "match", "timeout", "timeout_scale")}
#: Special methods that have a blocking form.
SPECIAL = {"__enter__", "__exit__"}

TITLES = {
    "uartsim.console.blocking_console": "The console for blocking code",
    "uartsim.console.blocking_readings": "What can be read of a console without waiting, for blocking code",
    "uartsim.console.blocking_snapshots": "The snapshots of a console, for blocking code",
    "uartsim.console.blocking_guest": "The guest's agent and Windows' SAC on a console, for blocking code",
    "uartsim.console.blocking_facets": "What a console has beside its own verbs, such as GRUB's menu, for blocking code",
}
HEAD = '''"""{title}.  Made by tools/derive_blocking.py.

Each call is handed to the console's background thread (``trio_thread.py``), and its outcome is awaited.  Call-backs, such
as ``progress``, are called on that thread.
"""

from __future__ import annotations
'''
HIDDEN = """
#: An error is reported at the caller's line: pytest leaves out the frames of this module.
__tracebackhide__ = True
"""


@dataclass
class Source:
    """A module of async classes: its text, its syntax tree, and the import statement of each name that it imports."""

    module: str
    text: str
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)
    only_for_types: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, module: str) -> Source:
        """Read a module's file."""
        text = path_of(module).read_text()
        source = cls(module, text, ast.parse(text))
        for node in source.tree.body:
            source._note(node)
        return source

    def _note(self, node: ast.stmt, only_for_types: bool = False) -> None:
        match node:
            case ast.ImportFrom(module=str(origin), names=aliases):
                imported = {alias.asname or alias.name: alias for alias in aliases}
                self.imports |= {name: f"from {origin} import {ast.unparse(each)}" for name, each in imported.items()}
            case ast.Import(names=aliases):
                imported = {alias.asname or alias.name: alias for alias in aliases}
                self.imports |= {name: f"import {ast.unparse(each)}" for name, each in imported.items()}
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
                for each in body:
                    self._note(each, only_for_types=True)
                return
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                self.imports[name] = f"from {self.module} import {name}"
                return
            case _:
                return
        if only_for_types:
            self.only_for_types |= set(imported)

    def class_of(self, name: str) -> ast.ClassDef:
        """The class of a name."""
        return next(node for node in self.tree.body if isinstance(node, ast.ClassDef) and node.name == name)


def docstring(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A function's docstring, as it is written."""
    first = function.body[0]
    if not isinstance(first, ast.Expr) or ast.get_docstring(function) is None:
        return ""
    return f"        {ast.get_source_segment(source.text, first.value)}\n"


def passed_on(arguments: ast.arguments) -> str:
    """The arguments of a call that passes on all parameters but ``self``, each behind a comma."""
    passed = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)][1:]
    passed += [f"*{arguments.vararg.arg}"] if arguments.vararg else []
    passed += [f"{argument.arg}={argument.arg}" for argument in arguments.kwonlyargs]
    passed += [f"**{arguments.kwarg.arg}"] if arguments.kwarg else []
    return "".join(f", {each}" for each in passed)


def members(source: Source, name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a class that have a blocking form."""
    for node in source.class_of(name).body:
        if (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and (not node.name.startswith("_") or node.name in SPECIAL)
            and f"{name}.{node.name}" not in LEFT_OUT
        ):
            yield node


def member(source: Source, name: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The blocking form of a function, a property or the setter of one."""
    decorators = [ast.unparse(each) for each in function.decorator_list]
    returned = ast.unparse(function.returns) if function.returns else "None"
    head = "".join(f"    @{each}\n" for each in decorators)
    head += f"    def {function.name}({ast.unparse(function.args)}) -> {returned}:\n{docstring(source, function)}"
    target, given = f"self._async.{function.name}", passed_on(function.args)
    if any(each.endswith(".setter") for each in decorators):
        return f"{head}        {target} = {given.removeprefix(', ')}\n"
    if "property" in decorators:
        if returned in HOMES:
            return f"{head}        return {returned}({target}, self._thread)\n"
        if f"{name}.{function.name}" in PLAIN:
            return f"{head}        return {target}\n"
        return f"{head}        return self._thread.read(lambda: {target})\n"
    kind = "call" if isinstance(function, ast.AsyncFunctionDef) else "read"
    call = f"self._thread.{kind}({target}{given})"
    if returned == "Self":
        return f"{head}        {call}\n        return self\n"
    if returned in HOMES:
        return f"{head}        return {returned}({call}, self._thread)\n"
    return f"{head}        {'' if returned == 'None' else 'return '}{call}\n"


def base_of(source: Source, name: str) -> str:
    """The name of a class's first base; empty if it has none."""
    return next((base.id for base in source.class_of(name).bases if isinstance(base, ast.Name)), "")


def class_lines(source: Source, name: str, what: str) -> str:
    """The blocking form of a class."""
    base = base_of(source, name)
    written = f'''
class {name}{f"({base})" if base in HOMES else ""}:
    """{what}, for blocking code; see :class:`{source.module}.{name}`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: Async{name}

    def __init__(self, made: Async{name}, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread
'''
    return written + "".join(f"\n{member(source, name, function)}" for function in members(source, name))


def used_names(source: Source, name: str) -> set[str]:
    """The names that the parameters, types and decorators of a class's functions use."""
    parts = [
        part
        for function in members(source, name)
        for part in (function.args, function.returns, *function.decorator_list)
        if part is not None
    ]
    trees = [node for part in parts for node in ast.walk(part)]
    quoted = [node.value for node in trees if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return {node.id for node in trees if isinstance(node, ast.Name)} | set(quoted)


def derived(module: str) -> str:
    """The text of a module, not yet formatted."""
    sources = {origin: Source.read(origin) for origin, _ in MODULES[module].values()}
    imports = {"from uartsim.console.trio_thread import TrioThread"}
    for_types: set[str] = set()
    for name, (origin, _) in MODULES[module].items():
        source = sources[origin]
        imports.add(f"from {origin} import {name} as Async{name}")
        if HOMES.get(base := base_of(source, name), module) != module:
            imports.add(f"from {HOMES[base]} import {base}")
        for used in used_names(source, name):
            if HOMES.get(used, module) != module:
                imports.add(f"from {HOMES[used]} import {used}")
            elif used in source.imports and used not in HOMES:
                (for_types if used in source.only_for_types else imports).add(source.imports[used])
    if for_types:
        imports.add("from typing import TYPE_CHECKING")
    lines = [HEAD.format(title=TITLES[module]), *sorted(imports)]
    if for_types:
        lines += ["", "if TYPE_CHECKING:", *(f"    {each}" for each in sorted(for_types))]
    lines.append(HIDDEN)
    classes = [class_lines(sources[origin], name, what) for name, (origin, what) in MODULES[module].items()]
    return "\n".join(lines) + "\n".join(classes)


def path_of(module: str) -> Path:
    """The file of a module."""
    return ROOT / f"{module.replace('.', '/')}.py"


def main(arguments: list[str]) -> int:
    """Print the modules, or write them."""
    for module in MODULES:
        if arguments == ["--write"]:
            path_of(module).write_text(derived(module))
            subprocess.run(["ruff", "check", "--fix", "--quiet", "--select", "I", path_of(module)], check=True)
            subprocess.run(["ruff", "format", "--quiet", path_of(module)], check=True)
        else:
            print(derived(module), end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
