"""The templates of all operations as a tree of segments, in which a request's path is found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from uartsim.service.arm.operation import Operation

#: How a template begins that is for any scope.
SCOPE = "{scope}"


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    any: _Node | None = None
    operations: dict[str, tuple[Operation, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """What a path is.

    Attributes:
        operations: the operations of the path by their method.
        parameters: what stands in the places of the template's names, by method; ``scope`` has its first slash.
    """

    operations: Mapping[str, Operation]
    parameters: Mapping[str, Mapping[str, str]]


class PathTree:
    """Finds operations by path; case does not matter, but in the values of parameters it is kept.

    Args:
        operations: all operations.

    Raises:
        ValueError: two operations have the same method and path.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._whole = _Node()
        self._extensions = _Node()
        for operation in operations:
            segments = operation.path.strip("/").split("/")
            if segments[0] == SCOPE:
                self._add(self._extensions, segments[1:], operation)
            else:
                self._add(self._whole, segments, operation)

    def find(self, segments: Sequence[str]) -> Match | None:
        """What a path is: the operation whose whole template fits, or else that of an extension of any scope.

        Args:
            segments: the path's segments, unquoted.
        """
        found = self._walk(self._whole, segments, "")
        if found is None:
            at = _last_providers(segments)
            if at is not None:
                scope = "".join(f"/{segment}" for segment in segments[:at])
                found = self._walk(self._extensions, segments[at:], scope)
        return found

    def _add(self, node: _Node, segments: Sequence[str], operation: Operation) -> None:
        names = []
        for segment in segments:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.any = node = node.any or _Node()
            else:
                node = node.literals.setdefault(segment.casefold(), _Node())
        if operation.method in node.operations:
            raise ValueError(f"{operation.method} {operation.path} is there twice")
        node.operations[operation.method] = (operation, tuple(names))

    def _walk(self, top: _Node, segments: Sequence[str], scope: str) -> Match | None:
        # A literal goes before a parameter; where it leads nowhere, the parameter is tried.
        ways: list[tuple[_Node, int, tuple[str, ...]]] = [(top, 0, ())]
        while ways:
            node, at, values = ways.pop()
            if at == len(segments):
                if node.operations:
                    return _match(node, values, scope)
                continue
            if node.any is not None:
                ways.append((node.any, at + 1, (*values, segments[at])))
            literal = node.literals.get(segments[at].casefold())
            if literal is not None:
                ways.append((literal, at + 1, values))
        return None


def _match(node: _Node, values: tuple[str, ...], scope: str) -> Match:
    return Match(
        {method: operation for method, (operation, _) in node.operations.items()},
        {
            method: {"scope": scope, **dict(zip(names, values, strict=True))}
            for method, (_, names) in node.operations.items()
        },
    )


def _last_providers(segments: Sequence[str]) -> int | None:
    for at in range(len(segments) - 1, -1, -1):
        if segments[at].casefold() == "providers":
            return at
    return None
