"""The query that makes records of regular answers: which text is one, and the lines of its records.

Regular is an answer of GetImageSet, or a whole list of an image set's versions, whose text says by its form alone what its
records are: members of the API and of records, each once and of its own type, texts of plain ASCII without escapes, times in
the two ways in which the AWS CLI prints them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from checker.aws.actions import ACTIONS, LIST_VERSIONS
from checker.fields import model
from checker.model import Field, Type
from checker.snapshot.records import VERSIONS, VERSIONS_NOT_RECORDED

_SPACE = r"[ \t\r\n]*"
_TEXT = r"[ !#-\[\]-~]"  # of ASCII what JSON has without an escape
_ID = '"[0-9a-z]{32}"'
_DAY = r"[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3}(?:000)?)?"
_INSTANT = rf'"{_DAY}T{_CLOCK}(?:Z|\+00:00)"'
_NUMBER = '"[1-9][0-9]{0,17}"'
_STORE, _SET = "datastoreId", "imageSetId"
_VERSION = "versionId"
_COLLECTED = "collectedAt"
_UNREAD = ("target", "targetAccount", "targetRegion", "account", "region", "reusedFrom")
"""Members of records of earlier runs that say nothing of the image set."""
_NEXT = "nextToken"
_ARN = "arn:[^:]*:medical-imaging:([^:]+):([0-9]+):datastore/([0-9a-z]{32})/imageset/([0-9a-z]{32})"
_TYPES: Mapping[Type, str] = {
    Type.STRING: f'"{_TEXT}*"',
    Type.ENUM: f'"{_TEXT}+"',
    Type.TIME: rf"(?:{_INSTANT}|[1-9]\d{{0,9}}(?:\.\d{{1,3}})?)",
    Type.BOOLEAN: "(?:true|false)",
}
_Kind = str | Mapping[str, "_Kind"] | list["_Kind"]
"""A type: of a value as SQL names it, of an object its members, of a list its item."""
_TARGET = """'"target":"recorded"'"""


@cache
def regular_query(*, versions: bool) -> str:
    """What makes rows of a file of JSON values: of each its number from 0 on as `place`, and of a regular answer `datastore`,
    `image_set` and `line`, its records as JSON lines. `line` is null where an answer is not regular.

    Args:
        versions: whether there is a record of the list of versions, too.

    Returns:
        SQL with the parameters $1 (a name for the file, as the column `file`), $2 (its path), $3 (how it holds JSON, as DuckDB
        calls it) and $4 (the most bytes of a value).
    """
    arn = f"regexp_extract(value.imageSetArn, '^{_ARN}$', ['region', 'account', 'datastore', 'image_set'])"
    lines = [_line(), *([_list_line()] if versions else [])]
    return f"""
        WITH texts AS (
            SELECT row_number() OVER () - 1 AS place, json::VARCHAR AS text, json
            FROM read_json_objects($2, format = $3, maximum_object_size = $4, compression = 'none')
        ), answers AS (
            SELECT place, json,
                CASE WHEN regexp_full_match(text, '{_object(_answer_members())}')
                    THEN json_transform(json, '{json.dumps(_answer_types())}') END AS answer,
                CASE WHEN regexp_full_match(text, '{_object(_list_members())}')
                    THEN json_transform(json, '{json.dumps(_list_types())}') END AS list
            FROM texts
        ), numbered AS (
            SELECT place, json, answer, list,
                list_sort(list_transform(list.{VERSIONS}, lambda item: {_numbered()})) AS items
            FROM answers
        ), valued AS (
            SELECT place, json, list, items, coalesce(answer, {_latest()}) AS value FROM numbered
        ), parts AS (
            SELECT *, {arn} AS arn, {_instants("value")} AS instants, {_iso(f"value.{_COLLECTED}")} AS collected FROM valued
        )
        SELECT $1 AS file, place, value.{_STORE} AS datastore, value.{_SET} AS image_set,
            CASE WHEN {_is_regular()} THEN {" || chr(10) || ".join(lines)} END AS line
        FROM parts
    """  # noqa: S608 - all of it is ours


def _is_regular() -> str:
    """Whether an answer whose text has the form of one is one."""
    conditions = [
        f"value.{_SET} IS NOT NULL",
        _is_day("collected"),
        _no_member_twice("json"),
        f"(list IS NOT NULL OR ({_is_whole('value', model().required)} AND {_has_days('instants')}))",
        f"(list IS NULL OR ({_is_list()}))",
        f"(value.imageSetArn IS NULL OR (arn.datastore = value.{_STORE} AND arn.image_set = value.{_SET}))",
    ]
    return " AND ".join(conditions)


def _is_list() -> str:
    """Whether a list is one of different versions of one image set."""
    required = model().required - {_STORE}
    each = f"{_is_whole('item.value', required)} AND {_has_days('item.instants')}"
    items = f"json_extract(json, '$.{VERSIONS}[*]')"
    return " AND ".join(
        [
            f"list_bool_and(list_transform(items, lambda item: {each}))",
            f"list_bool_and(list_transform({items}, lambda item: {_no_member_twice('item')}))",
            f"list_unique(list_transform(items, lambda item: item.value.{_SET})) = 1",
            "list_unique(list_transform(items, lambda item: item.number)) = len(items)",
        ]
    )


def _is_whole(value: str, required: Iterable[str]) -> str:
    return " AND ".join(f"{value}.{name} IS NOT NULL" for name in sorted(required))


def _has_days(at: str) -> str:
    return " AND ".join(_is_day(f"{at}.{_column(path)}") for path in _times())


def _is_day(instant: str) -> str:
    """Whether an instant is none or of a day that there is."""
    return f"({instant} IS NULL OR try_cast({instant}[:10] AS DATE) IS NOT NULL)"


def _no_member_twice(document: str) -> str:
    return f"len(json_keys({document})) = list_unique(json_keys({document}))"


def _numbered() -> str:
    """An item of a list as a value like an answer, after its number, by which items are sorted."""
    spelling = ACTIONS[LIST_VERSIONS].names
    value = ", ".join(f"{head} := item.{spelling.get(head, head)}" for head in _heads(_listed()))
    own = f"struct_pack({value})"
    instants = _instants("item", {head: spelling.get(head, head) for head in _heads(_listed())})
    return f"struct_pack(number := item.{_VERSION}::BIGINT, value := {own}, instants := {instants})"


def _latest() -> str:
    """The version with the highest number of a list as an answer of GetImageSet would have it."""
    listed = _heads(_listed())
    values = {head: f"items[-1].value.{head}" for head in listed}
    values |= {name: f"list.{name}" for name in (_STORE, _COLLECTED)}
    every = ", ".join(
        f"{head} := {values.get(head, f'NULL::{_sql(kind)}')}" for head, kind in _answer_types().items()
    )
    return f"CASE WHEN list IS NOT NULL THEN struct_pack({every}) END"


def _line() -> str:
    """The record of an answer as text: the members in the order in which `Record.to_json` has them."""
    beside = [_member(name, _quoted(f"value.{name}")) for name in (_STORE, _SET)]
    heads = {head: specs for head, specs in _heads(_fields()).items() if head not in (_STORE, _SET)}
    members = [_members(heads, "value", "instants"), *(_member(name, _quoted(f"nullif(arn.{name}, '')")) for name in ("region", "account"))]  # fmt: skip
    return " || ".join(
        [f"'{{' || {_TARGET}", *beside, *members, _member(_COLLECTED, _time("collected")), "'}'"]
    )


def _list_line() -> str:
    """The record of the list of versions, of which an answer of GetImageSet says one: what its answer is, or why it is not known."""
    begin = f"""'{{"action":"{LIST_VERSIONS}",' || {_TARGET}"""
    beside = [_member(name, _quoted(f"value.{name}")) for name in (_STORE, _SET)]
    spelling = ACTIONS[LIST_VERSIONS].names
    heads = _heads(_listed())

    def item(value: str, at: str) -> str:
        return f"'{{' || ({_members(heads, value, at, spelling)})[2:] || '}}'"

    numbers = "list_transform(items, lambda item: item.number)"
    gaps = f"list_filter({numbers}, lambda number: number > 1 AND NOT list_contains({numbers}, number - 1))"
    listed = (
        f"array_to_string(list_transform(items, lambda item: {item('item.value', 'item.instants')}), ',')"
    )
    version = f"value.{_VERSION}::BIGINT"
    one = f"""',"{VERSIONS}":[' || {item("value", "instants")} || ']'"""
    missing = (
        f"CASE {version} WHEN 2 THEN 'version 1 of 1..2 was' "
        f"ELSE 'versions 1..' || ({version} - 1) || ' of 1..' || {version} || ' were' END"
    )
    unknown = (
        f"""',"error":{{"code":"{VERSIONS_NOT_RECORDED}","message":"' || {missing} || ' not recorded"}}'"""
    )
    said = f"""CASE WHEN list IS NULL AND {version} > 1 THEN {unknown} WHEN list IS NULL THEN {one}
        ELSE CASE WHEN len({gaps}) > 0 THEN ',"gaps":[' || array_to_string({gaps}, ',') || ']' ELSE '' END
            || ',"{VERSIONS}":[' || {listed} || ']' END"""
    return " || ".join([begin, *beside, said, _member(_COLLECTED, _time("collected")), "'}'"])


def _members(
    heads: Mapping[str, list[Field]], value: str, at: str, spelling: Mapping[str, str] | None = None
) -> str:
    """Members of a value as text, each after a comma; the instants are in `at`."""
    members = []
    for head, specs in heads.items():
        own = [_member(_last(spec.path, spelling), _value(spec, value, at)) for spec in specs]
        if specs[0].path != head:
            inner = " || ".join(own)
            own = [f"""CASE WHEN {inner} != '' THEN ',"{head}":{{' || ({inner})[2:] || '}}' ELSE '' END"""]
        members += own
    return " || ".join(members)


def _last(path: str, spelling: Mapping[str, str] | None) -> str:
    name = path.rpartition(".")[2]
    return (spelling or {}).get(name, name)


def _member(name: str, value: str) -> str:
    """A member as text; nothing where its value is null."""
    return f"""coalesce(',"{name}":' || {value}, '')"""


def _quoted(text: str) -> str:
    return f"""'"' || {text} || '"'"""


def _value(spec: Field, value: str, at: str) -> str:
    if spec.type is Type.TIME:
        return _time(f"{at}.{_column(spec.path)}")
    if spec.type is Type.BOOLEAN:
        return f"{value}.{spec.path}::VARCHAR"
    return _quoted(f"{value}.{spec.path}")


def _time(text: str) -> str:
    """An instant, given as ISO 8601 with or without a fraction, as `instants.iso` has it."""
    fraction = f"CASE WHEN {text}[20:20] = '.' AND {text}[21:23] != '000' THEN {text}[20:23] ELSE '' END"
    return f"""'"' || {text}[:19] || {fraction} || 'Z"'"""


def _instants(value: str, spelling: Mapping[str, str] | None = None) -> str:
    """The times of a value, each as ISO 8601; of a list null where it has none."""
    known = [path for path in _times() if spelling is None or path in spelling]
    packed = ", ".join(
        f"{_column(path)} := {_iso(f'{value}.{(spelling or {}).get(path, path)}')}" for path in known
    )
    others = ", ".join(f"{_column(path)} := NULL::VARCHAR" for path in _times() if path not in known)
    return f"struct_pack({', '.join(filter(None, (packed, others)))})"


def _iso(text: str) -> str:
    """An instant as ISO 8601 where it is given as epoch seconds."""
    since = f"epoch_ms((try_cast({text} AS DECIMAL(13, 3)) * 1000)::BIGINT)"
    return f"CASE WHEN {text} LIKE '%-%' THEN {text} ELSE strftime({since}, '%Y-%m-%dT%H:%M:%S.%g') END"


def _column(path: str) -> str:
    return path.replace(".", "_")


def _fields() -> dict[str, Field]:
    """The fields of an answer of GetImageSet."""
    return dict(model().fields)


def _listed() -> dict[str, Field]:
    """The fields of a version in a list."""
    return {path: spec for path, spec in _fields().items() if path in model().versions and path != _STORE}


def _heads(fields: Mapping[str, Field]) -> dict[str, list[Field]]:
    """Fields by the member of the answer that holds them."""
    heads: dict[str, list[Field]] = {}
    for path, spec in fields.items():
        heads.setdefault(path.partition(".")[0], []).append(spec)
    return heads


def _times() -> Iterator[str]:
    return (path for path, spec in _fields().items() if spec.type is Type.TIME)


def _answer_types() -> dict[str, _Kind]:
    """The members of an answer of GetImageSet, and of a record beside them."""
    return _types(_fields()) | dict.fromkeys((_COLLECTED, *_UNREAD), "VARCHAR")


def _list_types() -> dict[str, _Kind]:
    """The members of an answer of ListImageSetVersions, and of a file beside them."""
    spelling = ACTIONS[LIST_VERSIONS].names
    item = {spelling.get(head, head): kind for head, kind in _types(_listed()).items()}
    return {VERSIONS: [item], _STORE: "VARCHAR", _COLLECTED: "VARCHAR", _NEXT: "VARCHAR"}


def _types(fields: Mapping[str, Field]) -> dict[str, _Kind]:
    def kind(spec: Field) -> str:
        return "BOOLEAN" if spec.type is Type.BOOLEAN else "VARCHAR"

    return {
        head: kind(specs[0])
        if specs[0].path == head
        else {_last(spec.path, None): kind(spec) for spec in specs}
        for head, specs in _heads(fields).items()
    }


def _sql(kind: _Kind) -> str:
    """A type in SQL."""
    if isinstance(kind, Mapping):
        return f"STRUCT({', '.join(f'{name} {_sql(item)}' for name, item in kind.items())})"
    return kind if isinstance(kind, str) else f"{_sql(kind[0])}[]"


def _answer_members() -> dict[str, str]:
    """What each member of a regular answer of GetImageSet matches."""
    return _patterns(_fields()) | {_STORE: _ID, _COLLECTED: _INSTANT} | dict.fromkeys(_UNREAD, f'"{_TEXT}*"')


def _list_members() -> dict[str, str]:
    """What each member of a regular list of versions matches."""
    spelling = ACTIONS[LIST_VERSIONS].names
    item = _object({spelling.get(name, name): pattern for name, pattern in _patterns(_listed()).items()})
    return {
        VERSIONS: rf"\[{_SPACE}{item}(?:{_SPACE},{_SPACE}{item})*{_SPACE}\]",
        _STORE: _ID,
        _COLLECTED: _INSTANT,
        # what names a next page leaves out versions
        _NEXT: '(?:null|"")',
    }


def _patterns(fields: Mapping[str, Field]) -> dict[str, str]:
    """What the members of an answer match. A null is what is not there."""
    patterns: dict[str, str] = {}
    for head, specs in _heads(fields).items():
        if specs[0].path == head:
            own = {_SET: _ID, _VERSION: _NUMBER}.get(head) or _TYPES[specs[0].type]
        else:
            one = "|".join(_named(_last(spec.path, None), f"(?:{_TYPES[spec.type]}|null)") for spec in specs)
            # it has one member at most, so that none is there twice
            own = rf"\{{{_SPACE}(?:(?:{one}){_SPACE})?\}}"
        patterns[head] = f"(?:{own}|null)"
    return patterns


def _object(members: Mapping[str, str]) -> str:
    """What an object of these members matches."""
    one = f"(?:{'|'.join(_named(name, pattern) for name, pattern in members.items())})"
    return rf"\{{{_SPACE}{one}(?:{_SPACE},{_SPACE}{one})*{_SPACE}\}}"


def _named(name: str, pattern: str) -> str:
    return f'"{name}"{_SPACE}:{_SPACE}{pattern}'
