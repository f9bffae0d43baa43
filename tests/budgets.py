"""How much is tried: enough to see that a claim holds at all, or under `make thorough` all of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from checker.model import Pack, Rule

THOROUGH = bool(os.environ.get("THOROUGH"))
GOLDEN = Path(__file__).parent / "golden" / "tried_packs.json"


def examples(usual: int, thorough: int) -> int:
    """How many examples of a property are tried."""
    return thorough if THOROUGH else usual


def tried(packs: Iterable[Pack]) -> list[tuple[Pack, Rule]]:
    """The rules that a costly claim is tried on: every rule of a pack that has changed since all of them were (`make golden`
    tries them, and notes the packs' digests); of another pack the first one of each scope."""
    packs = list(packs)
    now = {pack.name: hashlib.sha256(pack.source).hexdigest() for pack in packs}
    golden = bool(os.environ.get("REGENERATE_GOLDEN"))
    if golden:
        GOLDEN.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8", newline="\n")
    known = {} if THOROUGH or golden else json.loads(GOLDEN.read_bytes())
    found = []
    for pack in packs:
        first = {rule.scope: rule for rule in reversed(pack.rules)}
        unchanged = known.get(pack.name) == now[pack.name]
        found += [(pack, rule) for rule in pack.rules if not unchanged or first[rule.scope] is rule]
    return found
