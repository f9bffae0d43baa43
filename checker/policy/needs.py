"""What the rules of a run read: which calls it takes to judge them."""

from __future__ import annotations

from collections.abc import Iterable

from checker.aws.actions import ACTIONS
from checker.fields import DICOM, FOUND_FIELD, FROM_ARN, SUCCESSOR, tag_key
from checker.model import Aggregate, Field, Needs, Rule, Source
from checker.policy.condition_tree import counted_fields_of, walk


def needs(rules: Iterable[Rule]) -> Needs:
    """The needs of rules, whether their parameters are bound or not."""
    rules = list(rules)
    read = list(dict.fromkeys(field for rule in rules for field in _fields(rule)))
    sources = {field.source for field in read}
    scopes = {rule.scope for rule in rules}
    counting = any(isinstance(leaf, Aggregate) for rule in rules for leaf in walk(rule.condition))
    counting |= any(isinstance(leaf, Aggregate) for rule in rules for leaf in walk(rule.when))
    return Needs(
        image_sets="image_set" in scopes or counting,
        versions="version" in scopes,
        previous_version=Source.PREVIOUS_VERSION in sources,
        datastores="datastore" in scopes,
        datastore=Source.DATASTORE in sources,
        tags=_keys(read, Source.TAGS),
        datastore_tags=_keys(read, Source.DATASTORE_TAGS),
        successor=Source.SUCCESSOR in sources,
        history=Source.HISTORY in sources,
        dicom=tuple(sorted(field.path.removeprefix(DICOM) for field in read if field.source is Source.DICOM)),
        calls=tuple(
            name
            for name, item in ACTIONS.items()
            if item.per_datastore and not sources.isdisjoint(item.sources)
        ),
        fields=_answer_fields(rules),
    )


def _answer_fields(rules: Iterable[Rule]) -> frozenset[str]:
    """The paths of GetImageSet's answer that rules read of image sets: of the one judged, of counted ones, and of those
    that succeed others. What is read from an ARN needs the ARN."""
    paths: set[str] = set()
    for rule in rules:
        read = list(counted_fields_of(rule.when)) + list(counted_fields_of(rule.condition))
        read += [*rule.fields, *rule.message_fields] if rule.scope == "image_set" else []
        for field in read:
            if field.source is Source.ANSWER:
                paths.add("imageSetArn" if field.path in FROM_ARN else field.path)
            elif field.source is Source.SUCCESSOR and field.path != f"{SUCCESSOR}{FOUND_FIELD.path}":
                paths.add(field.path.removeprefix(SUCCESSOR))
    return frozenset(paths)


def _fields(rule: Rule) -> Iterable[Field]:
    yield from rule.fields
    yield from rule.message_fields
    yield from counted_fields_of(rule.when)
    yield from counted_fields_of(rule.condition)


def _keys(read: Iterable[Field], source: Source) -> tuple[str, ...]:
    return tuple(sorted(tag_key(field) for field in read if field.source is source))
