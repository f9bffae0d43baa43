"""The tables of a snapshot for the benchmark, made by DuckDB: the same ones for the same seed and number."""

from __future__ import annotations

from pathlib import Path

from checker.layout import DATASTORES as DATASTORES_FILE
from checker.layout import SNAPSHOT as SNAPSHOT_FILE
from checker.layout import VERSIONS as VERSIONS_FILE
from checker.snapshot.writer import connect

STORES = 20
# a column of tags is named by the key in hexadecimal digits
DEPARTMENT = f"tags.{b'Department'.hex()}"

# `chance(k, n)` holds for n of 10,000 image sets, independently for every k; `upto(k, n)` is a number below n.
MACROS = """
CREATE MACRO upto(i, k, n) AS (hash(i, k, {seed}) % n)::BIGINT;
CREATE MACRO chance(i, k, n) AS upto(i, k, 10000) < n;
CREATE MACRO ago(i, k, days) AS TIMESTAMP '2026-01-01' - to_milliseconds(upto(i, k, days::BIGINT * 86400000));
CREATE MACRO store_of(i) AS upto(i, 1, {stores});
CREATE MACRO store_name(store) AS 'store-' || lpad(store::VARCHAR, 2, '0');
CREATE MACRO store_region(store) AS CASE WHEN store % 4 = 0 THEN 'eu-west-1' ELSE 'us-east-1' END;
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
        store_name(store_of(i)) AS target,
        CASE WHEN chance(i, 2, 350) THEN 'us-west-2' ELSE store_region(store_of(i)) END AS region,
        md5(store_of(i)::VARCHAR) AS datastore,
        md5(i::VARCHAR || '{seed}') AS id,
        CASE WHEN chance(i, 3, 5) THEN 'ThrottlingException'
             WHEN chance(i, 4, 60) THEN 'ResourceNotFoundException' END AS code
    FROM range({sets}) AS numbers(i)
);
"""

IMAGE_SET_TABLE = """
COPY (
SELECT row_number() OVER () AS row, * FROM (
SELECT target, '123456789012' AS "target.account",
    store_region(store_of(i)) AS "target.region",
    CASE WHEN chance(i, 20, 100) THEN 1 + upto(i, 22, 4) END AS "requestedVersionId",
    found, code AS "error.code", CASE WHEN code IS NOT NULL THEN 'no answer' END AS "error.message",
    TIMESTAMP '2026-01-01' - to_milliseconds(upto(i, 21, 3600000)) AS "collectedAt",
    CASE WHEN found IS NOT NULL THEN 'GetImageSet' END AS call, NULL::VARCHAR AS "reusedFrom",
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
    CASE WHEN chance(i, 57, 200) THEN md5(upto(i, 58, 1000000)::VARCHAR) END AS "labels.superseded_by",
    NULL::MAP(VARCHAR, VARCHAR) AS "labels.places",
    CASE WHEN NOT chance(i, 60, 5) THEN true END AS "tags.received",
    CASE WHEN chance(i, 60, 5) THEN 'AccessDeniedException' END AS "tags.error", TIMESTAMP '2026-01-01' AS "tags.collectedAt",
    CASE WHEN NOT chance(i, 60, 5) AND NOT chance(i, 61, 200) THEN 'department ' || upto(i, 62, 40) END
        AS "{department}"
FROM answers
ORDER BY target, id)
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""

# Versions 1 to 7 of an image set, of which `gap` leaves one out; a set that was not read, or is not there, is one row.
VERSIONS = """
CREATE TEMP VIEW versions AS
SELECT *, upto(i, 101, 1000) * 1000 + number AS k,
    CASE WHEN chance(i, 102, 20) THEN 'ThrottlingException'
         WHEN chance(i, 103, 60) THEN 'ResourceNotFoundException' END AS code,
    CASE WHEN code IS NULL THEN true WHEN code = 'ResourceNotFoundException' THEN false END AS found,
    ago(i, 104, 3000) AS created
FROM (SELECT i, unnest(range(1, 2 + upto(i, 100, 7))) AS number FROM range({sets}) AS numbers(i))
WHERE code IS NULL OR number = 1;
"""

VERSION_TABLE = """
COPY (
SELECT row_number() OVER (ORDER BY target, "imageSetId", "versionId" NULLS FIRST) AS row, *,
    {previous}
FROM (
SELECT store_name(store_of(i)) AS target, '123456789012' AS "target.account",
    store_region(store_of(i)) AS "target.region", NULL::BIGINT AS "requestedVersionId",
    found, code AS "error.code", CASE WHEN code IS NOT NULL THEN 'no answer' END AS "error.message",
    TIMESTAMP '2026-01-01' - to_milliseconds(upto(i, 105, 3600000)) AS "collectedAt",
    CASE WHEN found IS NOT NULL THEN 'ListImageSetVersions' END AS call, NULL::VARCHAR AS "reusedFrom",
    md5(store_of(i)::VARCHAR) AS "datastoreId", md5(i::VARCHAR || '{seed}') AS "imageSetId",
    CASE WHEN found THEN number + CASE WHEN number > 2 AND chance(i, 106, 100) THEN 1 ELSE 0 END END AS "versionId",
    CASE WHEN NOT coalesce(found, false) THEN NULL WHEN chance(i, k, 5) THEN 'ARCHIVED' WHEN chance(i, k + 1, 400) THEN 'DELETED'
         WHEN chance(i, k + 2, 300) THEN 'LOCKED' ELSE 'ACTIVE' END AS "imageSetState",
    CASE WHEN NOT coalesce(found, false) OR chance(i, k + 3, 5) THEN NULL WHEN chance(i, k + 4, 5) THEN 'PURGING'
         WHEN chance(i, k + 5, 1000) THEN ['UPDATE_FAILED', 'COPY_FAILED'][1 + upto(i, k + 6, 2)]
         WHEN number = 1 THEN 'CREATED' ELSE ['COPIED', 'UPDATED'][1 + upto(i, k + 6, 2)] END AS "imageSetWorkflowStatus",
    CASE WHEN found AND NOT chance(i, k + 7, 5)
         THEN created + to_milliseconds(CASE WHEN chance(i, k + 8, 100) THEN 1 ELSE 0 END) END AS "createdAt",
    CASE WHEN found AND NOT chance(i, k + 9, 20)
         THEN created + to_days(number * 3) - to_days(CASE WHEN chance(i, k + 10, 100) THEN 4 ELSE 0 END) END AS "updatedAt",
    NULL::TIMESTAMP AS "deletedAt",
    CASE WHEN found AND chance(i, k + 11, 300) THEN ['conflict with ', 'could not read '][1 + upto(i, k + 12, 2)]
         || md5(upto(i, k, 1000000)::VARCHAR) END AS message,
    CASE WHEN found AND chance(i, k + 13, 400) THEN chance(i, k + 14, 5000) END AS "overrides.forced",
    CASE WHEN found AND NOT chance(i, k + 15, 20) THEN NOT chance(i, k + 16, 300) END AS "isPrimary",
    CASE WHEN chance(i, 107, 1000) THEN date_trunc('day', created + to_days(upto(i, 108, 90))) END AS "labels.freeze_date",
    NULL::MAP(VARCHAR, VARCHAR) AS "labels.places"
FROM versions)
WINDOW by_set AS (PARTITION BY target, "imageSetId" ORDER BY "versionId")
ORDER BY row
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""
OF_A_VERSION = (
    "versionId", "imageSetState", "imageSetWorkflowStatus", "createdAt", "updatedAt", "deletedAt", "message",
    "overrides.forced", "isPrimary",
)  # fmt: skip

DATASTORE_TABLE = """
COPY (
SELECT store + 1 AS row, store_name(store) AS target, '123456789012' AS "target.account",
    store_region(store) AS "target.region", md5(store::VARCHAR) AS "datastoreId",
    CASE WHEN store <> 7 THEN true END AS found, CASE WHEN store = 7 THEN 'AccessDeniedException' END AS "error.code",
    CASE WHEN store = 7 THEN 'no answer' END AS "error.message", TIMESTAMP '2026-01-01' AS "collectedAt",
    true AS complete, false AS exact,
    found AS "datastore.received", "error.code" AS "datastore.error", "collectedAt" AS "datastore.collectedAt",
    CASE WHEN found AND store % 5 <> 0 THEN 'arn:aws:kms:us-east-1:123456789012:key/' || store END AS "datastore.kmsKeyArn"
FROM range({stores}) AS numbers(store)
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


def make_tables(folder: Path, sets: int, seed: int) -> None:
    """The tables of `checker.snapshot.writer` with `sets` image sets and about as many versions, of a quarter of the
    sets; nothing where the folder is there."""
    if folder.exists():
        return
    unfinished = folder.with_suffix(".tmp")
    unfinished.mkdir(exist_ok=True)
    given = {"seed": seed, "stores": STORES}
    previous = ", ".join(f'lag("{name}") OVER by_set AS "previous_version.{name}"' for name in OF_A_VERSION)
    previous += ', NULL::VARCHAR AS "previous_version.error"'
    with connect() as connection:
        # what stands in memory is the answers to be sorted
        connection.execute(MACROS.format(**given))
        connection.execute(ANSWERS.format(**given, sets=sets))
        connection.execute(IMAGE_SET_TABLE.format(path=unfinished / SNAPSHOT_FILE, department=DEPARTMENT))
        connection.execute(VERSIONS.format(sets=sets // 4))
        connection.execute(
            VERSION_TABLE.format(path=unfinished / VERSIONS_FILE, previous=previous, seed=seed)
        )
        connection.execute(DATASTORE_TABLE.format(path=unfinished / DATASTORES_FILE, **given))
    unfinished.rename(folder)


def make_sample(tables: Path, sample: Path, sets: int, size: int) -> Path:
    """Every n-th image set as a table in a folder of its own; the answers that were received as JSON lines beside it."""
    sample.mkdir(exist_ok=True)
    records, image_sets = sample / "records.jsonl", sample / SNAPSHOT_FILE
    with connect() as connection:
        connection.execute(
            SAMPLE.format(
                snapshot=tables / SNAPSHOT_FILE, path=image_sets, step=max(1, sets // size), size=size
            )
        )
        connection.execute(RECORDS.format(snapshot=image_sets, path=records))
    return records
