"""Integer arithmetic as in the shell's ``$((...))``, by precedence climbing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final


class ArithmeticFailure(Exception):
    """The text is not an expression, or it divides by zero."""


_TOKEN: Final = re.compile(r"\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>&|^~!()?:])")
_LEVELS: Final = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)


def evaluate(text: str, value: Callable[[str], str]) -> int:
    """The value of an expression.

    Args:
        text: the expression.
        value: returns the value of a variable.

    Raises:
        ArithmeticFailure: the text is not an expression, or it divides by zero.
    """
    if not text.strip():
        return 0
    parser = _Parser(text, value)
    result = parser.binary(0)
    if parser.left:
        raise ArithmeticFailure(f'{text.strip()}: syntax error in expression (error token is "{parser.left[0]}")')
    return result


class _Parser:
    def __init__(self, text: str, value: Callable[[str], str]) -> None:
        self._text = text.strip()
        self._value = value
        self.left: list[str] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise ArithmeticFailure(
                    f'{self._text}: syntax error in expression (error token is "{text[position:]}")'
                )
            self.left.append(match[1])
            position = match.end()

    def binary(self, level: int) -> int:
        if level == len(_LEVELS):
            return self._unary()
        result = self.binary(level + 1)
        while self.left and self.left[0] in _LEVELS[level]:
            operator = self.left.pop(0)
            result = self._apply(operator, result, self.binary(level + 1))
        return result

    def _unary(self) -> int:
        if not self.left:
            raise ArithmeticFailure(f"{self._text}: syntax error: operand expected")
        token = self.left.pop(0)
        if token in ("-", "+", "!", "~"):
            operand = self._unary()
            return {"-": -operand, "+": operand, "!": int(not operand), "~": ~operand}[token]
        if token == "(":
            result = self.binary(0)
            if not self.left or self.left.pop(0) != ")":
                raise ArithmeticFailure(f"{self._text}: missing `)'")
            return result
        if token[0].isdigit():
            return self._number(token)
        text = self._value(token).strip()
        return int(text) if re.fullmatch(r"-?\d+", text) else 0

    def _number(self, token: str) -> int:
        base = 16 if token[:2] in ("0x", "0X") else 8 if token.startswith("0") else 10
        try:
            return int(token, base)
        except ValueError:
            raise ArithmeticFailure(f'{token}: value too great for base (error token is "{token}")') from None

    def _apply(self, operator: str, left: int, right: int) -> int:
        if operator in ("/", "%"):
            if right == 0:
                raise ArithmeticFailure(f"{self._text}: division by 0")
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            return quotient if operator == "/" else left - right * quotient
        return {
            "+": lambda: left + right,
            "-": lambda: left - right,
            "*": lambda: left * right,
            "<<": lambda: left << right % 64,
            ">>": lambda: left >> right % 64,
            "<": lambda: int(left < right),
            ">": lambda: int(left > right),
            "<=": lambda: int(left <= right),
            ">=": lambda: int(left >= right),
            "==": lambda: int(left == right),
            "!=": lambda: int(left != right),
            "&": lambda: left & right,
            "|": lambda: left | right,
            "^": lambda: left ^ right,
            "&&": lambda: int(bool(left) and bool(right)),
            "||": lambda: int(bool(left) or bool(right)),
        }[operator]()
