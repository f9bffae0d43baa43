"""The records of a run as they are written. Beside them is a chain, a link for each: the sha256 of the link before and of
the record, so that a line that somebody edits, adds, removes or moves breaks it. With a key the links are signed too, every
few and at the end, so that who has no key cannot make them anew. The first link hangs on `started.json`, which says which
run it is. A run that is complete has a manifest, and no chain any more.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from checker.aws.actions import GET_IMAGE_SET, SEARCH, STATES
from checker.layout import CHAIN, NEXT_CHAIN, RECORDS, STARTED, sync_folder
from checker.problems import InvalidInputError, Problem
from checker.runs.run_folder import SealKey, clear
from checker.snapshot.records import LISTED_SINCE, NO_VERSION, NOT_FOUND, Record

EACH = 20
"""Records between two signatures: so many at most are asked for again where a run is killed."""
_SIGNED = b"~"
_OF = b"imageset-checker/records/1 "
_PART = ".part"
_BEGIN = "begin a new run"


class RestoredRecords(NamedTuple):
    """What is left of the records of an interrupted run: the file, how many there are, how many were not taken since no link of the
    chain says that the run wrote them, and whether there was a chain."""

    records: Path = Path()
    there: int = 0
    unlinked: int = 0
    chained: bool = True

    @property
    def own(self) -> Path | None:
        """The records, if there are any."""
        return self.records if self.there else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a run that goes on says of it."""
        said = f"The run was interrupted and resumed: {self.there} answers were there already."
        if not self.unlinked:
            return (said,)
        why = "nothing shows that the run wrote them" if self.chained else f"the run has no {CHAIN}"
        return (said, f"{self.unlinked} more that were there were asked for again: {why}.")


class _Links:
    """A chain as it grows."""

    def __init__(self, out: IO[bytes], start: bytes, key: SealKey | None) -> None:
        self._out, self._key = out, key
        self.end, self._open = start, 0

    def add(self, line: bytes) -> None:
        """Takes a record's line."""
        self.end = _link(self.end, line)
        self._out.write(self.end + b"\n")
        self._open += 1
        if self._open >= EACH:
            self.sign()

    def sign(self) -> None:
        """Signs the links that are not signed yet."""
        if self._key is not None and self._open:
            self._out.write(_SIGNED + self._key.sign(_OF + self.end).hex().encode() + b"\n")
        self._open = 0


class Journal:
    """Takes records, each onto the disk of the run as it comes. A folder that is no run's, and cannot be taken up again, has
    no chain."""

    def __init__(
        self,
        folder: Path,
        key: SealKey | None = None,
        *,
        resume: bool = False,
        also: Callable[[Record], object] | None = None,
    ) -> None:
        """With `resume` what is there stays, which `mend` has looked at. `also` takes each record once it is written.

        Raises:
            OSError: the files cannot be written.
        """
        self._also = also
        how = "ab" if resume else "wb"
        self._lines = (folder / RECORDS).open(how)
        self._chain: IO[bytes] | None = None
        if (folder / STARTED).is_file():
            start = _end(folder) if resume else _start(folder)
            self._chain = (folder / CHAIN).open(how)
            self._links = _Links(self._chain, start, key)

    def take(self, record: Record) -> None:
        """Writes a record, then its link: one that was cut off has none."""
        line = record.to_json().encode() + b"\n"
        self._lines.write(line)
        self._lines.flush()
        if self._chain is not None:
            self._links.add(line)
            self._chain.flush()
        if self._also is not None:
            self._also(record)

    def close(self) -> None:
        """Signs what is not signed yet."""
        self._lines.close()
        if self._chain is not None:
            self._links.sign()
            self._chain.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def restore_records(folder: Path, key: SealKey | None = None) -> RestoredRecords:
    """Leaves in the records of an interrupted run what need not be asked again, and nothing else in its folder.

    What has no link in the chain goes, and with a key what is not signed: a last line that was cut off, and what was written
    right before the end. So does what failed, for it may go well now; and what is said of data stores, since a run begins by
    asking for them. With what failed goes what the other calls said of the same image set, since answers that are compared
    are asked for together.

    Args:
        folder: the run's.
        key: that with which the run was begun.

    Raises:
        InvalidInputError: a line is not the one that the run wrote. Nothing was changed.
        OSError: a file cannot be read or written.
    """
    try:
        mended = _rewrite(folder, key)
    except InvalidInputError:
        # where mending itself was cut short, the chain of the records that it wrote waits under another name
        next_chain = folder / NEXT_CHAIN
        if not next_chain.is_file() or not _fits(folder, key):
            raise
        next_chain.replace(folder / CHAIN)
        mended = _rewrite(folder, key)
    clear(folder)
    return mended


def _fits(folder: Path, key: SealKey | None) -> bool:
    try:
        return sum(1 for _ in _linked(folder, folder / NEXT_CHAIN, key)) > 0
    except InvalidInputError:
        return False


def _rewrite(folder: Path, key: SealKey | None) -> RestoredRecords:
    records, chain = folder / RECORDS, folder / CHAIN
    if not records.is_file():
        chain.unlink(missing_ok=True)
        return RestoredRecords()
    anew = set(_failed(records))
    drafts = [folder / (name + _PART) for name in (RECORDS, NEXT_CHAIN)]
    read = there = taken = 0
    try:
        with drafts[0].open("wb") as lines, drafts[1].open("wb") as new:
            links = _Links(new, _start(folder), key)
            for line in _linked(folder, chain, key):
                read, taken = read + 1, taken + len(line)
                document = _document(line, f"{records.as_posix()}:{read}")
                if _stands(document) and not (_compared(document) and _named(document) in anew):
                    there += 1
                    lines.write(line)
                    links.add(line)
            links.sign()
            for file in (lines, new):
                file.flush()
                os.fsync(file.fileno())
    except BaseException:
        for draft in drafts:
            draft.unlink(missing_ok=True)
        raise
    with records.open("rb") as lines:
        lines.seek(taken)
        unlinked = sum(line.endswith(b"\n") for line in lines)
    mended = RestoredRecords(records, there, unlinked, chain.is_file())
    drafts[1].replace(folder / NEXT_CHAIN)
    drafts[0].replace(records)
    (folder / NEXT_CHAIN).replace(chain)
    sync_folder(folder)
    return mended


def _linked(folder: Path, chain: Path, key: SealKey | None) -> Iterator[bytes]:
    """The records that the run wrote, as lines: with a key those that are signed.

    Raises:
        InvalidInputError: a line is another one than the run wrote.
    """
    records, end = folder / RECORDS, _start(folder)
    if not chain.is_file():
        return
    unsigned: list[bytes] = []
    number = 0
    with records.open("rb") as lines, chain.open("rb") as links:
        for link in links:
            if not link.endswith(b"\n"):
                return
            if link.startswith(_SIGNED):
                if key is not None and not key.fits(_signature(link), _OF + end):
                    raise _other(
                        records, number, "the chain up to this line is not signed with the run's key"
                    )
                yield from unsigned
                unsigned.clear()
                continue
            line = lines.readline()
            if not line.endswith(b"\n"):
                return
            number += 1
            end = _link(end, line)
            if link != end + b"\n":
                raise _other(records, number, "the line is not the one that the run wrote here")
            if key is None:
                yield line
            else:
                unsigned.append(line)


def _other(records: Path, number: int, message: str) -> InvalidInputError:
    hint = f"what the interrupted run had was altered: {_BEGIN}"
    return InvalidInputError(Problem(f"{records.as_posix()}:{max(number, 1)}", message, hint))


def _signature(link: bytes) -> bytes:
    try:
        return bytes.fromhex(link[1:].decode())
    except ValueError:
        return b""


def _link(before: bytes, line: bytes) -> bytes:
    return hashlib.sha256(before + line).hexdigest().encode()


def _start(folder: Path) -> bytes:
    """What the first link hangs on."""
    return _link(b"", (folder / STARTED).read_bytes())


def _end(folder: Path) -> bytes:
    """What the next link hangs on."""
    end = _start(folder)
    if (folder / CHAIN).is_file():
        with (folder / CHAIN).open("rb") as links:
            for link in links:
                end = end if link.startswith(_SIGNED) else link.strip()
    return end


def _document(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or "target" not in document:
        raise InvalidInputError(Problem(where, "the line is no record: the file was damaged", _BEGIN))
    return document


def _failed(records: Path) -> Iterator[tuple[str, str]]:
    """The image sets of which a call failed whose answer is compared with others."""
    with records.open("rb") as lines:
        for line in lines:
            if b'"error":' not in line:
                continue
            try:
                document = _document(line, "")
            except InvalidInputError:
                continue  # it is told where it is read to go on from
            if _compared(document) and not _stands(document):
                yield _named(document)


def _compared(document: Mapping[str, Any]) -> bool:
    return document.get("action", GET_IMAGE_SET) in STATES


def _named(document: Mapping[str, Any]) -> tuple[str, str]:
    return str(document["target"]), str(document.get("imageSetId"))


def _stands(document: Mapping[str, Any]) -> bool:
    if document.get("imageSetId") is None and LISTED_SINCE not in document:
        return False
    error = document.get("error")
    code = error.get("code") if isinstance(error, dict) else error
    return error is None or (document.get("action") != SEARCH and code in (NOT_FOUND, NO_VERSION))
