"""How people name a run: this one place says which run a text means, for every command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from checker.problems import InvalidInputError, Problem, nearest
from checker.runs.local_store import LocalStore, open_store
from checker.runs.manifest_form import RUN_NAME
from checker.runs.s3_keys import S3, bucket_and_prefix
from checker.runs.s3_store import S3Store
from checker.runs.sealed_run import SealedRun
from checker.runs.store import Store

LATEST, PREVIOUS = "latest", "previous"
WAYS = "its name, the beginning of it, `latest`, `previous`, or `latest~2`"
MOST_NAMED = 3

_BACK = re.compile(rf"({LATEST}|{PREVIOUS})(?:~(\d{{1,9}}))?")


def locate(
    run: str, runs: str | None = None, root: Path | None = None, audit: str = "", *, begun: bool = False
) -> tuple[Store, str]:
    """Where a run is, and its name: `s3://BUCKET/PREFIX/RUN`, the path of its folder, or its name in the store of an audit.
    In the place of RUN may stand whatever `name_in` takes.

    Args:
        run: what the user wrote.
        runs: the store of the audit at hand, see `open_store`.
        root: what that store's path is relative to.
        audit: the name of the audit at hand.
        begun: a run that was interrupted is meant.

    Raises:
        InvalidInputError: there is no such run, or there are several.
    """
    if run.startswith(S3):
        return _remote(run, audit, begun=begun)
    folder = Path(run)
    if folder.is_dir():
        # `.` and `..` are folders too, and have names
        folder = folder if folder.name not in ("", "..") else folder.resolve()
        return LocalStore(folder.parent), folder.name
    if is_run_path(run):
        if not folder.parent.is_dir():
            raise InvalidInputError(Problem(run, "there is no such run folder"))
        store: Store = LocalStore(folder.parent)
        return store, run_name(store, folder.name, audit, begun=begun, shown=run)
    if runs is None:
        hint = f"`runs:` in audit.yaml lets a run be named by {WAYS}; or name its folder"
        raise InvalidInputError(Problem(run, "there is no such run folder", hint))
    store = open_store(runs, root)
    return store, run_name(store, run, audit, begun=begun)


def is_run_path(run: str) -> bool:
    """Whether a text says where a run is, and needs no store of an audit."""
    return run.startswith(S3) or len(Path(run).parts) > 1 or Path(run).is_dir()


def find_run(store: Store, text: str, audit: str = "") -> tuple[Store, str]:
    """A run of a store by whatever `name_in` takes, or one of anywhere by its path, as `locate` takes it.

    Raises:
        InvalidInputError: there is no such run, or there are several.
    """
    return locate(text, audit=audit) if is_run_path(text) else (store, run_name(store, text, audit))


def run_name(store: Store, text: str, audit: str = "", *, begun: bool = False, shown: str = "") -> str:
    """The name of the run that a text means in a store: its name, the beginning of it that no other run has, `latest`,
    `previous`, or `latest~2` for the one two before the last.

    The last ones are complete runs of one audit in the order in which they were sealed, as `runs list` prints them. Runs
    that judged kept evidence again are passed over: they saw nothing new.

    Args:
        store: where it is.
        text: what the user wrote.
        audit: the audit whose runs `latest` counts; where it has none, the only one that has some.
        begun: `latest` counts runs that were interrupted, and no others.
        shown: what messages call the text.

    Raises:
        InvalidInputError: there is no such run, or there are several.
    """
    names = store.names()
    if text in names:
        return text
    if counted := _BACK.fullmatch(text):
        back = int(counted[2] or 0) + (counted[1] == PREVIOUS)
        found = _interrupted(store, names) if begun else _complete(store, audit, shown or text)
        if back < len(found):
            return found[-1 - back]
        kind = "interrupted" if begun else "complete"
        message = f"there {_are(len(found), kind)} in {store.shown}"
        raise InvalidInputError(Problem(shown or text, message, "`runs list` shows them" if names else ""))
    alike = [name for name in names if text and name.startswith(text) and RUN_NAME.fullmatch(name)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        more = f" and {len(alike) - MOST_NAMED} more" if len(alike) > MOST_NAMED else ""
        hint = f"{', '.join(alike[:MOST_NAMED])}{more}"
        raise InvalidInputError(Problem(shown or text, f"{len(alike)} runs begin so", hint))
    hint = nearest(text, (*names, LATEST, PREVIOUS)) or (f"the last one is {names[-1]}" if names else "")
    raise InvalidInputError(Problem(shown or text, f"there is no such run in {store.shown}", hint))


def own_audit(runs: Iterable[SealedRun], audit: str, where: str) -> str:
    """The audit whose runs are meant in a store: the one at hand, else the only one that there is.

    Args:
        runs: the complete runs.
        audit: the name of the audit at hand, if there is one.
        where: what messages are about.

    Raises:
        InvalidInputError: there are runs of several others.
    """
    names = sorted({str(run.facts.get("name", "")) for run in runs})
    if audit in names or len(names) == 0:
        return audit
    if len(names) == 1:
        return names[0]
    message = "there are runs of several audits"
    message += f" here, and none of {audit}" if audit else " here"
    raise InvalidInputError(Problem(where, message, f"they are of: {', '.join(names)}"))


def collected_runs(store: Store) -> list[SealedRun]:
    """The complete runs of a store that saw something themselves, in the order in which they were sealed."""
    return [run for run in store.complete() if not run.facts.get("replay_of")]


def _complete(store: Store, audit: str, shown: str) -> list[str]:
    runs = collected_runs(store)
    wanted = own_audit(runs, audit, shown)
    return [run.name for run in runs if run.facts.get("name") == wanted]


def _interrupted(store: Store, names: Sequence[str]) -> list[str]:
    return [name for name in names if store.manifest(name) is None]


def _are(count: int, kind: str) -> str:
    return (
        f"is no {kind} run"
        if count == 0
        else f"is only 1 {kind} run"
        if count == 1
        else f"are only {count} {kind} runs"
    )


def _remote(run: str, audit: str, *, begun: bool) -> tuple[Store, str]:
    bucket, prefix = bucket_and_prefix(run)
    above, _, name = prefix.rpartition("/")
    if not name:
        raise InvalidInputError(Problem(run, "this names a bucket and no run in it"))
    store = S3Store(bucket, above)
    if RUN_NAME.fullmatch(name) or not (_BACK.fullmatch(name) or name[0].isdigit()) or name in store.names():
        return store, name
    return store, run_name(store, name, audit, begun=begun, shown=run)
