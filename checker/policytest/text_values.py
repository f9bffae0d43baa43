"""Texts that tell apart whatever text operators and equality can tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from checker.policy.operators import Domain, holds

Tried = tuple[Domain, str]
"""How a text operator is tried out, and its literal."""
MOST_TEXTS = 5_000
MOST_PARTS = 5
"""Of `contains` on one field: every set of them is tried."""


@dataclass(frozen=True, slots=True)
class NamedTexts:
    """What a field is compared with as a whole: `every` text, and of those that nothing tells apart `some`."""

    every: tuple[str, ...]
    some: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextDomain:
    """The texts; `every` says that no text meets a combination of the comparisons that none of these meets."""

    values: tuple[str, ...]
    every: bool


def texts(equals: NamedTexts, tests: Iterable[Tried], hints: Iterable[str], fresh: int) -> TextDomain:
    """Texts for one field.

    Args:
        equals: what it is compared with as a whole.
        tests: text operators on it, each with its literal.
        hints: texts that may match a pattern.
        fresh: how many texts are needed that no comparison names.
    """
    tests = list(dict.fromkeys(tests))
    words = [*equals.every, *(word for _, word in tests)]
    mark = next(mark for mark in _marks() if not any(mark in word for word in words))
    starts, ends, parts, patterns = (
        [word for kind, word in tests if kind in wanted]
        for wanted in (("start",), ("end",), ("part", "any case"), ("pattern",))
    )
    values = [mark * (number + 1) for number in range(fresh)]
    values += equals.some
    if starts or ends or parts:
        # each by itself first: there may be too many for all sets of them
        values += [word + mark for word in starts] + [mark + word for word in ends]
        values += [mark + word + mark for word in parts]
        values += islice((start + middle + end for start, middle, end in _joined(tests, mark)), MOST_TEXTS)
    sets = 2 ** len(parts) * (len(starts) + 1) * (len(ends) + 1)
    kinds = {kind for kind, _ in tests}
    # a text may meet what does not mind the case, and not its twin that does: the cases of letters are not all tried
    every = len(parts) <= MOST_PARTS and sets <= MOST_TEXTS and ("any case" not in kinds or len(kinds) == 1)
    if patterns:
        candidates = [*hints, *(derived for pattern in patterns for derived in _derived(pattern))]
        values += candidates
        every = (
            len(patterns) == 1 and not (starts or ends or parts) and _both(patterns[0], values, equals.every)
        )
    return TextDomain(tuple(dict.fromkeys(values)), every)


def alphabet_words(
    alphabet: str, length: int, equals: NamedTexts, tests: Sequence[Tried], fresh: int
) -> TextDomain:
    """Texts for a field that holds so many characters of an alphabet and no others, such as an id.

    Args:
        alphabet: the characters, no capitals.
        length: how many of them.
        equals: what it is compared with as a whole; what it cannot be is left out.
        tests: text operators on it, each with its literal.
        fresh: how many texts are needed that no comparison names.
    """
    known = [text for text in equals.some if len(text) == length and set(text) <= set(alphabet)]
    every_known = set(equals.every)
    # without capitals the case says nothing; what folds to a letter beyond ASCII does
    tests = [
        ("part", word.lower()) if kind == "any case" and word.isascii() else (kind, word)
        for kind, word in tests
    ]
    # what has a strange character, or too many, is in no such text
    met = [
        (kind, word)
        for kind, word in dict.fromkeys(tests)
        if len(word) <= length and set(word) <= set(alphabet)
    ]
    mark = next((mark for mark in alphabet if not any(mark in word for _, word in met)), "")
    numbers = (str(number).rjust(length, alphabet[0]) for number in range(1, fresh + len(every_known) + 1))
    values = [text for text in numbers if text not in every_known][:fresh] + known
    joined = list(islice(_joined(met, mark), MOST_TEXTS + 1)) if mark and met else []
    whole = [
        start + middle + mark * (length - len(start + middle + end)) + end
        for start, middle, end in joined
        if len(start + middle + end) <= length
    ]
    plain = (
        all(kind not in ("pattern", "any case") for kind, _ in tests)
        and sum(kind == "part" for kind, _ in met) <= MOST_PARTS
    )
    every = bool(mark) and plain and len(whole) == len(joined) <= MOST_TEXTS and not set(whole) & every_known
    return TextDomain(tuple(dict.fromkeys([*values, *whole])), every)


def _joined(tests: Iterable[Tried], mark: str) -> Iterator[tuple[str, str, str]]:
    """Beginnings, middles and ends of texts that meet each combination of the tests."""
    starts, ends, parts = (
        [word for kind, word in tests if kind in wanted]
        for wanted in (("start",), ("end",), ("part", "any case"))
    )
    for inner in _subsets(parts[:MOST_PARTS]):
        middle = mark + "".join(part + mark for part in inner)
        yield from ((start, middle, end) for start in ("", *starts) for end in ("", *ends))


def _marks() -> Iterator[str]:
    yield from "~^|#@"
    yield from map(chr, range(0x4E00, 0x9FA5))


def _subsets(parts: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return (chosen for size in range(len(parts) + 1) for chosen in combinations(parts, size))


def _derived(pattern: str) -> list[str]:
    """Texts that simple patterns match: their plain words."""
    plain = pattern.strip("^$").replace("\\.", ".").replace("\\", "")
    return [word for word in {plain, *plain.strip("()").split("|")} if word]


def _both(pattern: str, values: Iterable[str], equals: Sequence[str]) -> bool:
    """Whether a text that no comparison names matches the pattern, and another one does not."""
    return {holds("matches", value, pattern) for value in values if value not in equals} == {True, False}
