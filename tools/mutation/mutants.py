"""What may be changed in a module: every single small fault, as a replacement of one piece of its text.

Mutated are comparisons (operator and boundary), arithmetic and bit operations, ``and`` and ``or``, ``not``, conditions,
numbers (one more, one less), ``True`` and ``False``, returned values, ``min`` and ``max``, neighbouring arguments of a
call, ``break`` and ``continue``; and statements are left out: calls, assignments to an attribute or an item, ``raise``.

Left alone is what no test of behaviour can tell apart, or what only a reader or a type checker sees: docstrings and all
other strings, annotations, decorators, assertions, ``__repr__``, logging, ``__slots__``, ``if TYPE_CHECKING``, the
``strict`` of ``zip``, what a field of a dataclass is shown and compared by, and protocols; and how long something is waited
for at most: the value of what is named ``..._s``, where it is defined, is a default, or is handed over by keyword.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
_EXTREMES = {"min": "max", "max": "min"}
#: Calls whose arguments are not swapped: the order does not matter to them, or only to a type checker.
_UNORDERED = {"cast", "isinstance", "issubclass", "max", "min", "samestat", "TypeVar", "NewType"}
#: The end of the name of a duration, by the rules of the house.
_DURATION = ("_s", "_S", "_ms", "_MS")
_UNMUTATED_NAMES = {"__all__", "__slots__", "__version__"}
_LOGGERS = {"log", "logger", "logging", "_log", "_logger"}


@dataclass(frozen=True)
class Mutant:
    """One change to one file.

    Attributes:
        file: the module, relative to the root of the checkout.
        scope: the qualified name of the function or class that holds the change; ``<module>`` outside of any.
        function: the outermost function whose body holds the change, as ``NAME@FIRST_LINE``; None where the change
            takes effect at import.
        lines: the lines of the changed expression or statement, first and last.
        header: the lines of the statement around it (for a compound statement, those before its body).
        names: what the change defines, where it is an assignment at the level of a module or class.
        start: where the change begins, in bytes of the file; `end` is the byte after the replaced text.
        new: the text in its place.
        source: the whole text of the file as it is.
        number: which of the changes with the same words in the same scope this is, from 0.
    """

    file: str
    scope: str
    function: str | None
    lines: tuple[int, int]
    header: tuple[int, int]
    names: tuple[str, ...]
    start: int
    end: int
    new: str
    source: bytes
    number: int = 0

    @property
    def changed(self) -> bytes:
        """The whole text of the mutated file."""
        return self.source[: self.start] + self.new.encode() + self.source[self.end :]

    @property
    def diff(self) -> tuple[str, str]:
        """The line as it was, and as it is; a change of several lines in one, with single spaces."""
        first = self.source.rfind(b"\n", 0, self.start) + 1
        last = self.source.find(b"\n", self.end)
        last = len(self.source) if last < 0 else last
        after = self.source[first : self.start] + self.new.encode() + self.source[self.end : last]
        return _one_line(self.source[first:last]), _one_line(after)

    @property
    def fingerprint(self) -> tuple[str, str, str]:
        """What names the mutant while lines move: the file, the scope, and the change."""
        before, after = self.diff
        number = f" #{self.number}" if self.number else ""
        return self.file, self.scope, f"{before} -> {after}{number}"


def _one_line(text: bytes) -> str:
    return " ".join(text.decode().split())


@dataclass(frozen=True)
class _Place:
    """Where the walk stands."""

    scope: tuple[str, ...] = ()
    function: str | None = None
    header: tuple[int, int] = (1, 1)
    names: tuple[str, ...] = ()


def mutants_of(file: str, source: bytes) -> list[Mutant]:
    """Every mutant of a module, in the order of the text.

    Args:
        file: the name of the file, for the mutants.
        source: its text, in UTF-8.
    """
    found = list(_Walk(file, source).statements(ast.parse(source).body, _Place()))
    found.sort(key=lambda mutant: (mutant.start, mutant.end, mutant.new))
    seen: Counter[tuple[str, str, str]] = Counter()
    numbered = []
    for mutant in found:
        fingerprint = mutant.fingerprint
        numbered.append(replace(mutant, number=seen[fingerprint]) if seen[fingerprint] else mutant)
        seen[fingerprint] += 1
    return numbered


class _Walk:
    def __init__(self, file: str, source: bytes) -> None:
        self._file = file
        self._source = source
        self._line_starts = [0]
        for line in source.splitlines(keepends=True):
            self._line_starts.append(self._line_starts[-1] + len(line))

    def statements(self, body: list[ast.stmt], place: _Place) -> Iterator[Mutant]:
        for number, statement in enumerate(body):
            docstring = number == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not docstring:
                yield from self._statement(statement, place)

    def _statement(self, node: ast.stmt, place: _Place) -> Iterator[Mutant]:
        place = replace(place, header=_header(node), names=_defined(node) if place.function is None else ())
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._function(node, place)
            case ast.ClassDef():
                if not any(_name(base) == "Protocol" for base in node.bases):
                    yield from self.statements(node.body, replace(place, scope=(*place.scope, node.name)))
            case ast.Assert() | ast.Import() | ast.ImportFrom() | ast.Global() | ast.Nonlocal() | ast.Pass():
                pass
            case ast.If(test=test) if _name(test) == "TYPE_CHECKING" or _is_main_check(test):
                yield from self.statements(node.orelse, place)
            case ast.Assign() | ast.AnnAssign() if set(_defined(node)) & _UNMUTATED_NAMES:
                pass
            case ast.Assign() | ast.AnnAssign() if any(name.endswith(_DURATION) for name in place.names):
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=logger))) if _name(logger) in _LOGGERS:
                pass
            case ast.Break():
                yield self._mutant(node, "continue", place)
            case ast.Continue():
                yield self._mutant(node, "break", place)
            case _:
                if _may_be_left_out(node):
                    yield self._mutant(node, "pass", place)
                yield from self._inside(node, place)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, place: _Place) -> Iterator[Mutant]:
        if node.name == "__repr__" or any(_name(decorator) == "overload" for decorator in node.decorator_list):
            return
        scope = (*place.scope, node.name)
        yield from self._defaults(node.args, replace(place, scope=scope))
        first_line = min(part.lineno for part in (node, *node.decorator_list))
        function = place.function or f"{'.'.join(scope)}@{first_line}"
        yield from self.statements(node.body, replace(place, scope=scope, function=function))

    def _inside(self, node: ast.stmt, place: _Place) -> Iterator[Mutant]:
        """The mutants of a statement's expressions, and of the statements in it."""
        match node:
            case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
                yield self._mutant(value, "None", place)
            case ast.AugAssign(op=op, target=target, value=value):
                new = ast.AugAssign(target, _OPERATORS.get(type(op), type(op))(), value)
                if type(op) in _OPERATORS and not _is_text(value):
                    yield self._mutant(node, ast.unparse(new), place)
            case ast.If(test=test) | ast.While(test=test):
                yield from self._condition(test, place)
        for field, value in ast.iter_fields(node):
            if field != "annotation":
                for child in value if isinstance(value, list) else [value]:
                    yield from self._child(child, place)

    def _child(self, child: object, place: _Place) -> Iterator[Mutant]:
        match child:
            case ast.expr():
                yield from self._expression(child, place)
            case ast.stmt():
                yield from self._statement(child, place)
            case ast.ExceptHandler():
                yield from self.statements(child.body, place)
            case ast.match_case(guard=guard):
                if guard is not None:
                    guarded = replace(place, header=(guard.lineno, guard.end_lineno or guard.lineno))
                    yield from self._condition(guard, guarded)
                    yield from self._expression(guard, guarded)
                yield from self.statements(child.body, place)
            case ast.withitem(context_expr=expression):
                yield from self._expression(expression, place)

    def _expression(self, node: ast.expr, place: _Place) -> Iterator[Mutant]:
        match node:
            case ast.JoinedStr():
                return  # a message; and until 3.12 its parts do not know where they are
            case ast.Constant():
                yield from self._constant(node, place)
            case ast.IfExp(test=test):
                yield from self._condition(test, place)
            case ast.Call():
                yield from self._call(node, place)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                for test in [test for generator in node.generators for test in generator.ifs]:
                    yield from self._condition(test, place)
            case _:
                yield from self._operation(node, place)
        yield from self._parts(node, place)

    def _operation(self, node: ast.expr, place: _Place) -> Iterator[Mutant]:
        match node:
            case ast.Compare():
                yield from self._comparison(node, place)
            case ast.BinOp(left=left, op=op, right=right):
                if not (_is_text(left) or _is_text(right) or _is_union(node)):
                    yield self._replaced(node, ast.BinOp(left, _OPERATORS[type(op)](), right), place)
            case ast.BoolOp(op=op, values=values):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                yield self._replaced(node, ast.BoolOp(other, values), place)
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
                if not isinstance(operand, ast.Constant):
                    yield self._replaced(node, operand, place)

    def _constant(self, node: ast.Constant, place: _Place) -> Iterator[Mutant]:
        match node.value:
            case bool() as value:
                yield self._mutant(node, str(not value), place)
            case int() | float() as value:
                yield self._mutant(node, repr(value + 1), place)
                if value >= 1:
                    yield self._mutant(node, repr(value - 1), place)

    def _parts(self, node: ast.expr, place: _Place) -> Iterator[Mutant]:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.expr():
                    yield from self._expression(child, place)
                case ast.keyword(arg="strict" | "repr" | "compare" | "slots" | "stacklevel"):
                    pass
                case ast.keyword(arg=str() as name, value=ast.Constant()) if name.endswith(_DURATION):
                    pass
                case ast.keyword(value=value):
                    yield from self._expression(value, place)
                case ast.comprehension(iter=iterated, ifs=ifs):
                    for part in (iterated, *ifs):
                        yield from self._expression(part, place)
                case ast.arguments():
                    yield from self._defaults(child, place)

    def _defaults(self, arguments: ast.arguments, place: _Place) -> Iterator[Mutant]:
        positional = [*arguments.posonlyargs, *arguments.args]
        with_default = positional[len(positional) - len(arguments.defaults) :]
        pairs = [
            *zip(with_default, arguments.defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            if default is not None and not argument.arg.endswith(_DURATION):
                yield from self._expression(default, place)

    def _comparison(self, node: ast.Compare, place: _Place) -> Iterator[Mutant]:
        for number, op in enumerate(node.ops):
            for other in _COMPARISONS[type(op)]:
                ops = [*node.ops[:number], other(), *node.ops[number + 1 :]]
                yield self._replaced(node, ast.Compare(node.left, ops, node.comparators), place)

    def _condition(self, test: ast.expr, place: _Place) -> Iterator[Mutant]:
        """The condition turned round, where nothing in it would be turned round anyway."""
        if isinstance(
            test, ast.Name | ast.Attribute | ast.Call | ast.Await | ast.NamedExpr | ast.Subscript | ast.BinOp
        ):
            yield self._replaced(test, ast.UnaryOp(ast.Not(), test), place)

    def _call(self, node: ast.Call, place: _Place) -> Iterator[Mutant]:
        name = _name(node.func)
        if isinstance(node.func, ast.Name) and name in _EXTREMES:
            yield self._mutant(node.func, _EXTREMES[name], place)
        if name in _UNORDERED or any(isinstance(argument, ast.Starred) for argument in node.args):
            return
        for number in range(len(node.args) - 1):
            first, second = node.args[number : number + 2]
            if ast.dump(first) != ast.dump(second):
                swapped = [*node.args[:number], second, first, *node.args[number + 2 :]]
                yield self._replaced(node, ast.Call(node.func, swapped, node.keywords), place)

    def _replaced(self, node: ast.expr, new: ast.expr, place: _Place) -> Mutant:
        return self._mutant(node, f"({ast.unparse(new)})", place)

    def _mutant(self, node: ast.stmt | ast.expr, new: str, place: _Place) -> Mutant:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Mutant(
            file=self._file,
            scope=".".join(place.scope) or "<module>",
            function=place.function,
            lines=(node.lineno, node.end_lineno),
            header=place.header,
            names=place.names,
            start=self._line_starts[node.lineno - 1] + node.col_offset,
            end=self._line_starts[node.end_lineno - 1] + node.end_col_offset,
            new=new,
            source=self._source,
        )


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return _name(value)
    return ""


def _header(node: ast.stmt) -> tuple[int, int]:
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if body:
        first = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else body[0].lineno
        return node.lineno, max(node.lineno, first - 1)
    return node.lineno, node.end_lineno or node.lineno


def _defined(node: ast.stmt) -> tuple[str, ...]:
    match node:
        case ast.Assign(targets=targets):
            return tuple(name for target in targets if (name := _name(target)))
        case ast.AnnAssign(target=target):
            return (_name(target),)
    return ()


def _is_main_check(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and _name(test.left) == "__name__"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _is_union(node: ast.BinOp) -> bool:
    """Whether the operation is a union of types, such as ``int | None``."""
    types = {"int", "str", "bytes", "float", "bool", "None"}
    return isinstance(node.op, ast.BitOr) and any(ast.unparse(side) in types for side in (node.left, node.right))


def _may_be_left_out(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())) | ast.AugAssign() | ast.Raise() | ast.Delete():
            return True
        case ast.Assign(targets=targets):
            return all(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)
    return False
