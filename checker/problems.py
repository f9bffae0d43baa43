"""What is wrong with the input: where, what, and what to do. All problems at once, sorted, with the source line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from checker.model import Location

MOST_SHOWN = 50
WIDEST_LINE = 160
MOST_LISTED = 20
_MARKER = re.compile(r"#(?=#[A-Za-z.-]{0,40}\[)|(?<![\w:]):(?=:[A-Za-z])")
SHORTEST_BEGUN = 3
MOST_BEGUN = 5
"""In a hint: the known words that are all listed; the letters by which a beginning is known, and the words so begun."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the input.

    `where` is a place, a path, or the name of a flag; `line` the source line shown under the message with
    `width` carets from the place's column.
    """

    where: Location | str
    message: str
    hint: str = ""
    line: str | None = None
    width: int = 1
    warning: bool = False

    @property
    def order(self) -> tuple[str, int, int, str]:
        """By path, line, column, then text."""
        if isinstance(self.where, Location):
            return (self.where.path, self.where.line, self.where.column, self.message)
        return (self.where, 0, 0, self.message)

    def plain(self) -> dict[str, object]:
        """As JSON holds it."""
        return {
            "where": str(self.where),
            "message": self.message,
            "hint": self.hint,
            "warning": self.warning,
        }

    def __str__(self) -> str:
        kind = "warning" if self.warning else "error"
        lines = [f"{one_line(str(self.where))}: {kind}: {printable(self.message)}"]
        if isinstance(self.where, Location) and self.line is not None:
            lines += excerpt(self.where, self.line, self.width)
        if self.hint:
            lines.append(f"help: {printable(self.hint)}")
        return "\n".join(lines)


class CheckerError(Exception):
    """Anything that the checker says no to. `exit_code` is the process's."""

    exit_code = 2


class InvalidInputError(CheckerError):
    """Arguments, a configuration or policies that cannot be used; `problems` holds each of them."""

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return render(self.problems)


def sort_problems(problems: Iterable[Problem]) -> list[Problem]:
    """The problems sorted, each once."""
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.order)


def errors_in(problems: Iterable[Problem]) -> list[Problem]:
    """Those that are no warnings."""
    return [problem for problem in problems if not problem.warning]


def render(problems: Iterable[Problem]) -> str:
    """The problems as text: sorted, each once, at most 50, then how many more there are."""
    unique = sort_problems(problems)
    shown = [str(problem) for problem in unique[:MOST_SHOWN]]
    if len(unique) > MOST_SHOWN:
        shown.append(f"... and {len(unique) - MOST_SHOWN} more problems")
    return "\n".join(shown)


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean X?` for the known word nearest to the given one, else nothing.

    The letters' case does not count, and neither does a missing prefix (`forced` for `overrides.forced`).
    """
    words = list(known)
    tails = [candidate for candidate in words if candidate.casefold().split(".")[-1] == word.casefold()]
    if tails and "." not in word and word.casefold() not in {item.casefold() for item in words}:
        return f"did you mean {tails[0]}?"
    folded = {candidate.casefold(): candidate for candidate in reversed(words)}
    close = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    if close:
        return f"did you mean {folded[close[0]]}?"
    return ""


def suggest(word: str, known: Iterable[str], *, what: str, most: int = MOST_LISTED) -> str:
    """The nearest known word, else those that begin with the given one, else the list of them if it is short enough to
    read."""
    words = list(dict.fromkeys(known))
    if near := nearest(word, words):
        return near
    begun = [
        item for item in words if len(word) >= SHORTEST_BEGUN and item.casefold().startswith(word.casefold())
    ]
    if begun:
        more = f" and {len(begun) - MOST_BEGUN} more" if len(begun) > MOST_BEGUN else ""
        return (
            f"did you mean {begun[0]}?"
            if len(begun) == 1
            else f"so begin {', '.join(begun[:MOST_BEGUN])}{more}"
        )
    return f"{what}: {', '.join(words)}" if 0 < len(words) <= most else ""


def number_of(number: int, noun: str) -> str:
    """`1 fail`, `2 fails`, `1,000 fails`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Text that cannot move the cursor or recolour the terminal: control characters are shown as escapes."""
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    return without_markers(shown)


def without_markers(text: str) -> str:
    r"""Text in which a CI server finds no command to it, such as `##vso[..]`, `##[..]`, `##teamcity[..]` or `::error::`:
    the first character is shown as the escape that JSON has for it, \u0023 or \u003a."""
    if "##" not in text and "::" not in text:
        return text
    return _MARKER.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(text: str) -> str:
    """Printable text, line breaks shown as escapes too: for file names."""
    return printable(text).replace("\n", "\\n")


def excerpt(where: Location, line: str, width: int) -> list[str]:
    """A source line with its number, and carets under `width` of its characters from the place's column."""
    start = 0
    if len(line) > WIDEST_LINE:
        start = max(0, min(where.column - 1 - 40, len(line) - WIDEST_LINE))
    # one character for one: the caret below must stay under its column
    shown = "".join(c if c.isprintable() else " " for c in line[start : start + WIDEST_LINE])
    margin = f"{where.line:>5} | "
    column = where.column - 1 - start
    carets = "^" * max(1, min(width, len(shown) - column))
    return [margin + shown, " " * 5 + " | " + " " * column + carets]


def mask(line: str, marks: str, start: int = 0, end: int = 0) -> str:
    """A source line that may hold data of patients: what stands from `start` to `end` and the marks are left, and a dot for
    each other character, so that columns stay."""
    return "".join(
        item if start <= at < end or item in marks or item.isspace() else "." for at, item in enumerate(line)
    )


class ProblemCollection:
    """Problems of several steps, so that a user sees all of them at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @contextmanager
    def step(self) -> Iterator[None]:
        """Keeps the problems of what is done inside instead of raising them."""
        try:
            yield
        except InvalidInputError as error:
            self.problems += error.problems

    def check(self) -> None:
        """Raises what was gathered.

        Raises:
            InvalidInputError: there was any problem that is no warning.
        """
        if any(not problem.warning for problem in self.problems):
            raise InvalidInputError(self.problems)
