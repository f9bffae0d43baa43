"""Image sets for the benchmark, made by DuckDB: the same ones for the same seed and number."""

from __future__ import annotations

from pathlib import Path

from checker.evidence.snapshot import connect

# `chance(k, n)` holds for n of 10,000 image sets, independently for every k; `upto(k, n)` is a number below n.
MACROS = """
CREATE MACRO upto(i, k, n) AS (hash(i, k, {seed}) % n)::BIGINT;
CREATE MACRO chance(i, k, n) AS upto(i, k, 10000) < n;
CREATE MACRO ago(i, k, days) AS TIMESTAMP '2026-01-01' - to_milliseconds(upto(i, k, days::BIGINT * 86400000));
"""

# Members of an answer, written as if it had been received; `snapshot` takes them away where none was.
ANSWERS = """
CREATE TEMP VIEW answers AS
SELECT *,
    CASE WHEN code IS NULL THEN true WHEN code = 'ResourceNotFoundException' THEN false END AS found,
    CASE WHEN chance(i, 10, 5) THEN 'ARCHIVED' WHEN chance(i, 11, 500) THEN 'DELETED'
         WHEN chance(i, 11, 800) THEN 'LOCKED' ELSE 'ACTIVE' END AS state,
    ago(i, 12, 3000) AS created
FROM (
    SELECT i,
        ['archive-a', 'archive-b', 'research', 'teaching'][1 + upto(i, 1, 4)] AS target,
        CASE WHEN chance(i, 2, 350) THEN 'us-west-2' WHEN upto(i, 1, 4) = 0 THEN 'eu-west-1'
             ELSE 'us-east-1' END AS region,
        md5((1 + upto(i, 1, 4))::VARCHAR) AS datastore,
        md5(i::VARCHAR || '{seed}') AS id,
        CASE WHEN chance(i, 3, 5) THEN 'ThrottlingException'
             WHEN chance(i, 4, 60) THEN 'ResourceNotFoundException' END AS code
    FROM range({sets}) AS numbers(i)
);
"""

SNAPSHOT = """
COPY (
SELECT row_number() OVER () AS row, * FROM (
SELECT target, '123456789012' AS "target.account",
    CASE WHEN datastore = md5('1') THEN 'eu-west-1' ELSE 'us-east-1' END AS "target.region",
    CASE WHEN chance(i, 20, 100) THEN 1 + upto(i, 22, 4) END AS "requestedVersionId",
    found, code AS "error.code", CASE WHEN code IS NOT NULL THEN 'no answer' END AS "error.message",
    TIMESTAMP '2026-01-01' - to_milliseconds(upto(i, 21, 3600000)) AS "collectedAt",
    CASE WHEN found THEN '123456789012' END AS account,
    CASE WHEN found THEN region END AS region,
    datastore AS "datastoreId", id AS "imageSetId",
    CASE WHEN found AND chance(i, 20, 100) THEN 1 + upto(i, 22, 4)
         WHEN found THEN 1 + upto(i, 22, 4) + CASE WHEN chance(i, 23, 250) THEN 50 ELSE 0 END END AS "versionId",
    CASE WHEN found THEN state END AS "imageSetState",
    CASE WHEN found IS NOT TRUE OR chance(i, 24, 5) THEN NULL WHEN chance(i, 25, 5) THEN 'PURGING'
         WHEN chance(i, 26, 300) THEN 'UPDATE_FAILED'
         WHEN state = 'DELETED' THEN 'DELETED'
         WHEN state = 'LOCKED' THEN ['COPYING', 'UPDATING', 'DELETING', 'IMPORTING'][1 + upto(i, 27, 4)]
         ELSE ['CREATED', 'COPIED', 'UPDATED', 'IMPORTED'][1 + upto(i, 27, 4)] END AS "imageSetWorkflowStatus",
    CASE WHEN found THEN created END AS "createdAt",
    CASE WHEN found IS NOT TRUE THEN NULL WHEN chance(i, 28, 80) THEN created - to_hours(5)
         ELSE greatest(created, ago(i, 29, 400)) END AS "updatedAt",
    CASE WHEN found AND state = 'DELETED' AND NOT chance(i, 30, 100)
         THEN CASE WHEN chance(i, 31, 4000) THEN ago(i, 32, 30)
                   WHEN chance(i, 33, 500) THEN created - to_days(1)
                   ELSE greatest(created, ago(i, 32, 2000)) END END AS "deletedAt",
    CASE WHEN found AND chance(i, 34, 300)
         THEN ['conflict with ', 'could not read '][1 + upto(i, 35, 2)] || md5(upto(i, 36, 1000000)::VARCHAR) END AS message,
    CASE WHEN found THEN CASE WHEN chance(i, 37, 100) THEN 'arn:aws:imaging:' ELSE 'arn:aws:medical-imaging:' END
         || region || ':123456789012:datastore/' || datastore || '/imageset/' || id END AS "imageSetArn",
    CASE WHEN found IS NOT TRUE THEN NULL WHEN chance(i, 38, 300) THEN true WHEN chance(i, 39, 100) THEN false
         END AS "overrides.forced",
    CASE WHEN found AND NOT chance(i, 40, 20) THEN NOT chance(i, 41, 400) END AS "isPrimary",
    CASE WHEN found AND NOT chance(i, 42, 20)
         THEN ago(i, 43, CASE WHEN chance(i, 45, 900) THEN 90 ELSE 400 END) END AS "lastAccessedAt",
    CASE WHEN found IS NOT TRUE OR chance(i, 44, 20) THEN NULL WHEN chance(i, 46, 5) THEN 'DEEP_ARCHIVE'
         WHEN chance(i, 45, 900) THEN 'FREQUENT_ACCESS' ELSE 'ARCHIVE_INSTANT_ACCESS' END AS "storageTier",
    CASE WHEN chance(i, 50, 5000) THEN date_trunc('day', ago(i, 51, 5000)) END AS "labels.study_date",
    CASE WHEN chance(i, 50, 4900)
         THEN struct_pack(months := (84 + 12 * upto(i, 52, 4))::INTEGER, milliseconds := 0::BIGINT) END AS "labels.retention",
    CASE WHEN chance(i, 53, 600) THEN true WHEN chance(i, 54, 100) THEN false END AS "labels.legal_hold",
    CASE WHEN chance(i, 55, 500) THEN date_trunc('day', ago(i, 56, 100) + to_days(30)) END AS "labels.erase_by",
    CASE WHEN chance(i, 57, 200) THEN md5(upto(i, 58, 1000000)::VARCHAR) END AS "labels.superseded_by"
FROM answers
ORDER BY target, id)
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""

SAMPLE = """
COPY (SELECT row_number() OVER (ORDER BY row) AS row, * EXCLUDE (row) FROM read_parquet('{snapshot}')
      WHERE row % {step} = 0 ORDER BY row LIMIT {size})
TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""

# GetImageSet's answers as JSON, with the inventory's labels beside them.
RECORDS = """
CREATE MACRO iso(instant) AS strftime(instant, '%Y-%m-%dT%H:%M:%S.%gZ');
COPY (
SELECT datastoreId, imageSetId, versionId::VARCHAR AS versionId, imageSetState, imageSetWorkflowStatus,
    iso(createdAt) AS createdAt, iso(updatedAt) AS updatedAt, iso(deletedAt) AS deletedAt, message, imageSetArn, region,
    CASE WHEN "overrides.forced" IS NOT NULL THEN struct_pack(forced := "overrides.forced") END AS overrides,
    isPrimary, iso(lastAccessedAt) AS lastAccessedAt, storageTier,
    struct_pack(study_date := iso("labels.study_date"), legal_hold := "labels.legal_hold",
        erase_by := iso("labels.erase_by"), superseded_by := "labels.superseded_by") AS labels
FROM read_parquet('{snapshot}') WHERE found ORDER BY row
) TO '{path}' (FORMAT json)
"""


def make_snapshot(path: Path, sets: int, seed: int) -> None:
    """A snapshot with the columns of `checker.evidence.snapshot`, unless the file is there."""
    if path.exists():
        return
    with connect() as connection:
        # what stands in memory is the answers to be sorted
        connection.execute(MACROS.format(seed=seed))
        connection.execute(ANSWERS.format(seed=seed, sets=sets))
        unfinished = path.with_suffix(".tmp")
        connection.execute(SNAPSHOT.format(path=unfinished))
    unfinished.rename(path)


def make_sample(snapshot: Path, sample: Path, records: Path, sets: int, size: int) -> None:
    """Every n-th image set of a snapshot as a snapshot of its own, and as JSON lines of answers where one was received."""
    with connect() as connection:
        connection.execute(
            SAMPLE.format(snapshot=snapshot, path=sample, step=max(1, sets // size), size=size)
        )
        connection.execute(RECORDS.format(snapshot=sample, path=records))
