"""How much is tried: enough to see that a claim holds at all, or under `make thorough` all of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from checker.model import Pack, Rule

THOROUGH = bool(os.environ.get("THOROUGH"))
GOLDEN = Path(__file__).parent / "golden" / "tried"


def examples(usual: int, thorough: int) -> int:
    """How many examples of a property are tried."""
    return thorough if THOROUGH else usual


def tried(claim: str, packs: Sequence[Pack]) -> list[tuple[Pack, Rule]]:
    """The shipped rules that a costly claim, by its name, is tried on: `make golden` tries all of them, and notes the packs'
    digests; from then on `chosen` says which."""
    file = GOLDEN / f"{claim}.json"
    now = {pack.name: digest(pack) for pack in packs}
    if os.environ.get("REGENERATE_GOLDEN"):
        file.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8", newline="\n")
        return chosen(packs, {})
    return chosen(packs, {} if THOROUGH else json.loads(file.read_bytes()))


def chosen(packs: Iterable[Pack], known: Mapping[str, str]) -> list[tuple[Pack, Rule]]:
    """Every rule of a pack whose digest is not the known one, by its name; of another pack the first rule of each scope."""
    found = []
    for pack in packs:
        first = {rule.scope: rule for rule in reversed(pack.rules)}
        unchanged = known.get(pack.name) == digest(pack)
        found += [(pack, rule) for rule in pack.rules if not unchanged or first[rule.scope] is rule]
    return found


def digest(pack: Pack) -> str:
    """What a pack is now."""
    return hashlib.sha256(pack.source).hexdigest()
