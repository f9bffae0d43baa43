"""Recorded answers for the benchmark, made by DuckDB of the tables that `data.py` makes, and the tables again as one would
read them from these answers by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from data import MACROS, STORES

from checker.layout import SNAPSHOT, VERSIONS
from checker.snapshot.writer import connect

Kind = Literal["image_set", "version"]
NULLS = """',"[A-Za-z]+":null', '', 'g'"""
"""Of a JSON text: what the AWS CLI leaves out."""
NUMBERED = 4
"""How many versions a list has."""

SETS = """
CREATE MACRO iso(instant) AS strftime(instant, '%Y-%m-%dT%H:%M:%S.%gZ');
COPY (
SELECT regexp_replace(row_to_json(answers)::VARCHAR, {nulls}) FROM (
SELECT datastoreId, imageSetId, versionId::VARCHAR AS versionId, imageSetState, imageSetWorkflowStatus,
    iso(createdAt) AS createdAt, iso(updatedAt) AS updatedAt, iso(deletedAt) AS deletedAt, message, imageSetArn,
    CASE WHEN "overrides.forced" IS NOT NULL THEN struct_pack(forced := "overrides.forced") END AS overrides,
    isPrimary, iso(lastAccessedAt) AS lastAccessedAt, storageTier
FROM read_parquet('{tables}') WHERE found ORDER BY hash(imageSetId)) AS answers
) TO '{path}' (FORMAT csv, HEADER false, DELIMITER '\x1f', QUOTE '', ESCAPE '')
"""

# four versions of each; the CLI prints times of lists in epoch seconds or as ISO 8601, as it is configured
LISTS = """
CREATE MACRO iso(instant) AS strftime(instant, '%Y-%m-%dT%H:%M:%S.%gZ');
COPY (
SELECT regexp_replace(row_to_json(lists)::VARCHAR, {nulls}) FROM (
SELECT list(struct_pack(
    imageSetId := id, versionId := number::VARCHAR,
    imageSetState := CASE WHEN chance(i, k + 1, 400) THEN 'DELETED' WHEN chance(i, k + 2, 300) THEN 'LOCKED' ELSE 'ACTIVE' END,
    ImageSetWorkflowStatus := CASE WHEN chance(i, k + 5, 1000) THEN 'UPDATE_FAILED' WHEN number = 1 THEN 'CREATED' ELSE 'UPDATED' END,
    createdAt := iso(created), updatedAt := iso(created + to_days(number * 3) - to_days(chance(i, k + 10, 100)::INTEGER * 4)),
    deletedAt := NULL::VARCHAR, message := CASE WHEN chance(i, k + 11, 300) THEN 'conflict with ' || md5(id) ELSE '' END,
    overrides := CASE WHEN chance(i, k + 13, 400) THEN struct_pack(forced := chance(i, k + 14, 5000)) END,
    isPrimary := NOT chance(i, k + 16, 300)
    ) ORDER BY number DESC) AS imageSetPropertiesList
FROM (SELECT *, upto(i, 101, 1000) * 1000 + number AS k, md5(i::VARCHAR || '{seed}') AS id, ago(i, 104, 3000) AS created
      FROM range({sets}) AS numbers(i), range(1, 1 + {numbered}) AS versions(number))
GROUP BY i, id ORDER BY hash(id)) AS lists
) TO '{path}' (FORMAT csv, HEADER false, DELIMITER '\x1f', QUOTE '', ESCAPE '')
"""

READ_SETS = """
COPY (
SELECT row_number() OVER () AS row, * FROM (
SELECT 'recorded' AS target, NULL::VARCHAR AS "target.account", NULL::VARCHAR AS "target.region",
    NULL::BIGINT AS "requestedVersionId", true AS found, NULL::VARCHAR AS "error.code",
    CASE WHEN split_part(imageSetArn, ':', 3) = 'medical-imaging' THEN split_part(imageSetArn, ':', 5) END AS account,
    CASE WHEN split_part(imageSetArn, ':', 3) = 'medical-imaging' THEN split_part(imageSetArn, ':', 4) END AS region,
    datastoreId, imageSetId, versionId, imageSetState, imageSetWorkflowStatus, createdAt, updatedAt, deletedAt, message,
    imageSetArn, overrides.forced AS "overrides.forced", isPrimary, lastAccessedAt, storageTier,
    NULL::TIMESTAMP AS "labels.study_date", NULL::STRUCT(months INTEGER, milliseconds BIGINT) AS "labels.retention",
    NULL::BOOLEAN AS "labels.legal_hold", NULL::TIMESTAMP AS "labels.erase_by", NULL::VARCHAR AS "labels.superseded_by"
FROM read_json('{answers}', format = 'newline_delimited', columns = {{
    datastoreId: 'VARCHAR', imageSetId: 'VARCHAR', versionId: 'BIGINT', imageSetState: 'VARCHAR',
    imageSetWorkflowStatus: 'VARCHAR', createdAt: 'TIMESTAMP', updatedAt: 'TIMESTAMP', deletedAt: 'TIMESTAMP',
    message: 'VARCHAR', imageSetArn: 'VARCHAR', overrides: 'STRUCT(forced BOOLEAN)', isPrimary: 'BOOLEAN',
    lastAccessedAt: 'TIMESTAMP', storageTier: 'VARCHAR'}})
ORDER BY datastoreId, imageSetId)
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""

READ_LISTS = """
COPY (
SELECT row_number() OVER by_set AS row, 'recorded' AS target, NULL::VARCHAR AS "target.account",
    NULL::VARCHAR AS "target.region", NULL::BIGINT AS "requestedVersionId", true AS found, NULL::VARCHAR AS "error.code",
    NULL::VARCHAR AS datastoreId, version.* EXCLUDE (overrides, ImageSetWorkflowStatus),
    version.ImageSetWorkflowStatus AS imageSetWorkflowStatus, version.overrides.forced AS "overrides.forced",
    NULL::TIMESTAMP AS "labels.freeze_date", {previous}
FROM (SELECT unnest(imageSetPropertiesList) AS version FROM read_json('{answers}', format = 'newline_delimited', columns = {{
    imageSetPropertiesList: 'STRUCT(imageSetId VARCHAR, versionId BIGINT, imageSetState VARCHAR,
        ImageSetWorkflowStatus VARCHAR, createdAt TIMESTAMP, updatedAt TIMESTAMP, deletedAt TIMESTAMP, message VARCHAR,
        overrides STRUCT(forced BOOLEAN), isPrimary BOOLEAN)[]'}}))
WINDOW by_set AS (ORDER BY version.imageSetId, version.versionId),
    earlier AS (PARTITION BY version.imageSetId ORDER BY version.versionId)
ORDER BY row
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""
_EARLIER = ("versionId", "imageSetState", "ImageSetWorkflowStatus", "createdAt", "updatedAt", "message", "overrides.forced", "isPrimary")  # fmt: skip


def make_answers(kind: Kind, path: Path, tables: Path, sets: int, seed: int) -> None:
    """Answers as JSON lines in no order: of GetImageSet, or lists of four versions; nothing where the file is there."""
    if path.exists():
        return
    part = path.with_suffix(".part")
    with connect() as connection:
        if kind == "image_set":
            connection.execute(SETS.format(tables=tables / SNAPSHOT, path=part, nulls=NULLS))
        else:
            connection.execute(MACROS.format(seed=seed, stores=STORES))
            connection.execute(LISTS.format(seed=seed, sets=sets, numbered=NUMBERED, path=part, nulls=NULLS))
    part.rename(path)


def read_by_hand(kind: Kind, answers: Path, folder: Path) -> None:
    """Makes the table that the rules' hand-written SQL reads, as Parquet in a folder."""
    previous = ", ".join(
        f"""lag(version.{name}) OVER earlier AS "previous_version.{name[0].lower() + name[1:]}\""""
        for name in _EARLIER
    )
    text, name = (READ_SETS, SNAPSHOT) if kind == "image_set" else (READ_LISTS, VERSIONS)
    with connect() as connection:
        connection.execute(text.format(answers=answers, path=folder / name, previous=previous))
