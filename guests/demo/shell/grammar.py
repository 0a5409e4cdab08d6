"""The grammar of the shell: simple commands, pipelines, lists, if, for, while, until, functions.

`parse` turns text into a tree.  It raises `Incomplete` if a quote, a block or a here-document has no end yet, so that
the prompt can ask for more.  Not supported: ``case``, ``select``, arrays, process substitution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .lexer import REDIRECTIONS, Incomplete, Lexer, Part, ShellSyntaxError, Token, Word, take_documents

#: Words that cannot begin a command.
_RESERVED: Final = frozenset(("then", "else", "elif", "fi", "do", "done", "}"))


@dataclass
class Redirection:
    """``descriptor operator target``; the operators are < > >> >| >& <& << &>."""

    descriptor: int
    operator: str
    target: Word
    document: str = ""


@dataclass
class Simple:
    """A simple command: assignments, words and redirections."""

    assignments: list[tuple[str, Word]] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)


@dataclass
class Pipeline:
    """Commands joined by ``|``; ``negated`` if ``!`` precedes them."""

    commands: list[Command]
    negated: bool = False


@dataclass
class Item:
    """A pipeline in a list.

    Attributes:
        pipeline: the pipeline.
        connector: what comes before it: ";", "&&" or "||".
        background: whether ``&`` follows it.
    """

    pipeline: Pipeline
    connector: str = ";"
    background: bool = False


@dataclass
class Block:
    """A list of pipelines."""

    items: list[Item]


@dataclass
class Compound:
    """A compound command.

    Attributes:
        kind: "group", "subshell", "if", "while", "until", "for" or "function".
        blocks: of ``if`` condition, body, condition, body and so on, and the body of ``else``; of ``while`` and
            ``until`` condition and body; of the others the body.
        name: the variable of ``for``, the name of a function.
        words: the words after ``in``; None stands for "$@".
        redirections: the redirections of the whole command.
    """

    kind: str
    blocks: list[Block]
    name: str = ""
    words: list[Word] | None = None
    redirections: list[Redirection] = field(default_factory=list)


Command = Simple | Compound


class _Parser:
    def __init__(self, text: str) -> None:
        self._source, self._documents = take_documents(text)
        self._tokens = Lexer(self._source).tokens()
        self._index = 0

    # ----------------------------------------------------------------------------------------------------------- tokens
    @property
    def _token(self) -> Token:
        return self._tokens[self._index]

    def _advance(self) -> Token:
        token = self._token
        self._index += 1
        return token

    def _plain(self) -> str:
        """The current token if it is one unquoted piece of text, as reserved words are; else an empty text."""
        word = self._token.word
        return word[0].text if len(word) == 1 and word[0].kind == "text" and not word[0].quoted else ""

    def _is_operator(self, *texts: str) -> bool:
        return self._token.kind == "operator" and self._token.text in texts

    def _skip_newlines(self) -> None:
        while self._token.kind == "newline":
            self._advance()

    def _expect(self, word: str) -> None:
        self._skip_newlines()
        if self._token.kind == "end":
            raise Incomplete
        if self._plain() != word:
            raise self._unexpected()
        self._advance()

    def _unexpected(self) -> ShellSyntaxError:
        token = self._token
        shown = token.text or "".join(part.text for part in token.word)
        return ShellSyntaxError(f"near unexpected token `{'newline' if token.kind in ('newline', 'end') else shown}'")

    # ---------------------------------------------------------------------------------------------------------- grammar
    def parse(self) -> Block:
        block = self._block(lambda: False)
        if self._token.kind != "end":
            raise self._unexpected()
        return block

    def _block(self, ends: Callable[[], bool]) -> Block:
        items: list[Item] = []
        connector = ";"
        while True:
            self._skip_newlines()
            if self._token.kind == "end" or ends():
                if connector in ("&&", "||"):
                    raise Incomplete if self._token.kind == "end" else self._unexpected()
                return Block(items)
            item = Item(self._pipeline(), connector)
            items.append(item)
            if self._is_operator("&&", "||"):
                connector = self._advance().text
            elif self._is_operator(";", "&"):
                item.background = self._advance().text == "&"
                connector = ";"
            elif self._token.kind in ("newline", "end") or ends():
                connector = ";"
            else:
                raise self._unexpected()

    def _block_until(self, *words: str) -> Block:
        block = self._block(lambda: self._plain() in words)
        if self._token.kind == "end":
            raise Incomplete
        if not block.items:
            raise self._unexpected()
        return block

    def _pipeline(self) -> Pipeline:
        negated = False
        while self._plain() == "!":
            self._advance()
            negated = not negated
        commands = [self._command()]
        while self._is_operator("|", "|&"):
            if self._advance().text == "|&":
                commands[-1].redirections.append(Redirection(2, ">&", (Part("text", "1"),)))
            self._skip_newlines()
            if self._token.kind == "end":
                raise Incomplete
            commands.append(self._command())
        return Pipeline(commands, negated)

    def _command(self) -> Command:
        compound = self._compound()
        if compound is None:
            return self._simple()
        while self._token.kind == "operator" and self._token.text in REDIRECTIONS:
            compound.redirections.append(self._redirection())
        return compound

    def _compound(self) -> Compound | None:
        if self._is_operator("("):
            self._advance()
            body = self._block(lambda: self._is_operator(")"))
            if self._token.kind == "end":
                raise Incomplete
            self._advance()
            return Compound("subshell", [body])
        word = self._plain() if self._token.kind == "word" else ""
        if word == "{":
            self._advance()
            body = self._block_until("}")
            self._advance()
            return Compound("group", [body])
        if word == "if":
            return self._if()
        if word in ("while", "until"):
            self._advance()
            condition = self._block_until("do")
            return Compound(word, [condition, self._do_group()])
        if word == "for":
            return self._for()
        following = self._tokens[self._index + 1 : self._index + 3]
        if word and [token.text for token in following] == ["(", ")"]:
            self._index += 3
            self._skip_newlines()
            if self._token.kind == "end":
                raise Incomplete
            body_command = self._command()
            return Compound("function", [Block([Item(Pipeline([body_command]))])], name=word)
        return None

    def _if(self) -> Compound:
        blocks: list[Block] = []
        self._advance()
        while True:
            blocks.append(self._block_until("then"))
            self._advance()
            blocks.append(self._block_until("elif", "else", "fi"))
            word = self._plain()
            self._advance()
            if word == "else":
                blocks.append(self._block_until("fi"))
                self._advance()
            if word != "elif":
                return Compound("if", blocks)

    def _for(self) -> Compound:
        self._advance()
        name = self._plain()
        if not name.isidentifier():
            raise Incomplete if self._token.kind == "end" else self._unexpected()
        self._advance()
        self._skip_newlines()
        words: list[Word] | None = None
        if self._plain() == "in":
            self._advance()
            words = []
            while self._token.kind == "word":
                words.append(self._advance().word)
        if self._is_operator(";"):
            self._advance()
        return Compound("for", [self._do_group()], name=name, words=words)

    def _do_group(self) -> Block:
        self._expect("do")
        body = self._block_until("done")
        self._advance()
        return body

    def _simple(self) -> Simple:
        command = Simple()
        if self._plain() in _RESERVED:
            raise self._unexpected()
        if self._plain() == "[[":
            return self._condition()
        while True:
            token = self._token
            if token.kind == "word":
                assignment = _as_assignment(token.word) if not command.words else None
                self._advance()
                if assignment is not None:
                    command.assignments.append(assignment)
                else:
                    command.words.append(token.word)
            elif token.kind == "operator" and token.text in REDIRECTIONS:
                command.redirections.append(self._redirection())
            else:
                break
        if not (command.words or command.assignments or command.redirections):
            raise Incomplete if self._token.kind == "end" else self._unexpected()
        return command

    def _condition(self) -> Simple:
        """Parse ``[[ ... ]]``, in which && || < > are words."""
        command = Simple()
        while True:
            token = self._advance()
            if token.kind == "end":
                raise Incomplete
            if token.kind == "operator":
                command.words.append((Part("text", token.text),))
            elif token.kind == "word":
                command.words.append(token.word)
                if token.word == (Part("text", "]]"),):
                    return command

    def _redirection(self) -> Redirection:
        operator = self._advance()
        if self._token.kind != "word":
            raise self._unexpected()
        target = self._advance().word
        default = 0 if operator.text.startswith("<") else 1
        descriptor = operator.descriptor if operator.descriptor >= 0 else default
        redirection = Redirection(descriptor, operator.text, target)
        if operator.text in ("<<", "<<-"):
            redirection.document = self._documents.pop(0) if self._documents else ""
        return redirection


def _as_assignment(word: Word) -> tuple[str, Word] | None:
    first = word[0]
    name, equals, rest = first.text.partition("=")
    if first.kind != "text" or first.quoted or not equals or not name.isidentifier():
        return None
    return name, ((Part("text", rest),) if rest else ()) + word[1:]


def parse(text: str) -> Block:
    """Parse shell text.

    Raises:
        Incomplete: the text could go on.
        ShellSyntaxError: the text is wrong, whatever follows it.
    """
    return _Parser(text).parse()
