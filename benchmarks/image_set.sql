-- What evaluate() does with image_set.yaml, as one would write it by hand: the verdicts of every rule, four counts a rule,
-- and the fails and unknowns as Parquet, with the same columns in the same order. {folder} and {findings} are paths.
-- Verdicts: 0 pass, 1 fail, 2 unknown, 3 not applicable. Statements are split at lines that hold nothing but a semicolon.

CREATE MACRO judge(applies, violated) AS
    CASE WHEN NOT applies THEN 3 WHEN NOT violated THEN 0 WHEN applies AND violated THEN 1 ELSE 2 END::TINYINT
;
CREATE MACRO iso(instant) AS strftime(instant, '%Y-%m-%dT%H:%M:%S.%gZ')
;
-- a value of an enum that is not listed says nothing
CREATE MACRO listed_state(s) AS CASE WHEN s IN ('ACTIVE', 'LOCKED', 'DELETED') THEN s END
;
CREATE MACRO listed_status(s) AS CASE WHEN s IN ('CREATED', 'COPIED', 'COPYING', 'COPYING_WITH_READ_ONLY_ACCESS',
    'COPY_FAILED', 'UPDATING', 'UPDATING_FOR_STUDY_CONSISTENCY', 'UPDATED', 'UPDATE_FAILED', 'DELETING', 'DELETED',
    'IMPORTING', 'IMPORTED', 'IMPORT_FAILED') THEN s END
;
CREATE MACRO listed_tier(s) AS CASE WHEN s IN ('FREQUENT_ACCESS', 'ARCHIVE_INSTANT_ACCESS') THEN s END
;
-- why a field has no value that one could compare
CREATE MACRO absent(name, value) AS CASE WHEN value IS NULL THEN name || ' absent' END
;
CREATE MACRO unlisted(name, value, listed) AS
    CASE WHEN value IS NULL THEN name || ' absent' WHEN listed IS NULL THEN name || ' unlisted' END
;
CREATE TEMP TABLE judged AS
SELECT row,
    judge(found, forced) AS v1,
    judge(found AND superseded_by IS NULL, state = 'DELETED' AND deletedAt > now - to_days(30)) AS v2,
    judge(found AND state = 'DELETED' AND superseded_by IS NULL AND (study_date IS NOT NULL OR retention IS NOT NULL),
        deletedAt < study_date + to_months(retention.months) + to_milliseconds(retention.milliseconds)) AS v3,
    judge(found AND state = 'DELETED' AND superseded_by IS NULL AND study_date IS NULL AND retention IS NULL,
        deletedAt < createdAt + to_years(7)) AS v4,
    judge(found AND state = 'DELETED', deletedAt < createdAt) AS v5,
    judge(found, status IN ('COPY_FAILED', 'UPDATE_FAILED', 'IMPORT_FAILED')) AS v6,
    judge(found AND state = 'LOCKED', updatedAt < now - to_days(1)) AS v7,
    judge(found, message <> '') AS v8,
    judge(found AND state <> 'DELETED', NOT isPrimary AND createdAt < now - to_days(30)) AS v9,
    judge(found, updatedAt < createdAt OR createdAt > now + to_days(1) OR updatedAt > now + to_days(1)
        OR coalesce(deletedAt > now + to_days(1), false) OR coalesce(lastAccessedAt > now + to_days(1), false)) AS v10,
    judge(coalesce(legal_hold, false) OR (superseded_by IS NULL AND erase_by IS NULL), NOT found) AS v11,
    judge(found AND coalesce(legal_hold, false), state = 'DELETED' OR status IN ('DELETING', 'DELETED')) AS v12,
    judge(coalesce(erase_by < now - to_days(1), false), found AND state <> 'DELETED') AS v13,
    judge(found AND state = 'ACTIVE', tier = 'FREQUENT_ACCESS' AND lastAccessedAt < now - to_days(45)) AS v14,
    judge(found, region NOT IN ('us-east-1', 'eu-west-1')) AS v15,
    judge(found, NOT regexp_matches(imageSetArn, '^arn:aws(-[a-z]+)*:medical-imaging:')) AS v16,
    judge(found, versionId NOT BETWEEN 1 AND 50) AS v17,
    judge(found, contains(message, 'conflict')) AS v18,
    judge(found, updatedAt > TIMESTAMP '2025-12-01' AND (NOT isPrimary OR ends_with(status, '_FAILED'))) AS v19,
    judge(versionId > 1, NOT (state IN ('ACTIVE', 'DELETED') OR starts_with(status, 'UPDATING'))) AS v20
FROM (
    SELECT * EXCLUDE (message, found),
        TIMESTAMP '2026-01-01' AS now, found,
        -- unlike other fields, these are known to be none where an answer leaves them out
        CASE WHEN found THEN coalesce("overrides.forced", false) END AS forced,
        CASE WHEN found THEN coalesce(message, '') END AS message,
        listed_state(imageSetState) AS state,
        listed_status(imageSetWorkflowStatus) AS status,
        listed_tier(storageTier) AS tier,
        "labels.study_date" AS study_date, "labels.retention" AS retention, "labels.legal_hold" AS legal_hold,
        "labels.erase_by" AS erase_by, "labels.superseded_by" AS superseded_by
    FROM read_parquet('{folder}/image_sets.parquet')
)
;
-- counts
SELECT count_if(COLUMNS('^v') = 0), count_if(COLUMNS('^v') = 1), count_if(COLUMNS('^v') = 2), count_if(COLUMNS('^v') = 3)
FROM judged
;
CREATE TEMP TABLE hot AS
SELECT row, COLUMNS('^v[0-9]+$'), found, "error.code" AS error, target,
    coalesce(account, "target.account") AS account,
    coalesce(rows.region, "target.region") AS shown_region,
    rows.region, datastoreId, imageSetId, versionId,
    coalesce(versionId, requestedVersionId) AS shown_version,
    requestedVersionId IS NOT NULL AS exact,
    imageSetState, listed_state(imageSetState) AS state,
    imageSetWorkflowStatus, listed_status(imageSetWorkflowStatus) AS status,
    storageTier, listed_tier(storageTier) AS tier,
    createdAt, updatedAt, deletedAt, lastAccessedAt, message, imageSetArn, isPrimary,
    CASE WHEN found THEN coalesce("overrides.forced", false) END AS forced,
    "labels.study_date" AS study_date, "labels.retention" AS retention, "labels.legal_hold" AS legal_hold,
    "labels.erase_by" AS erase_by, "labels.superseded_by" AS superseded_by
FROM judged JOIN read_parquet('{folder}/image_sets.parquet') AS rows USING (row)
WHERE v1 IN (1, 2) OR v2 IN (1, 2) OR v3 IN (1, 2) OR v4 IN (1, 2) OR v5 IN (1, 2) OR v6 IN (1, 2) OR v7 IN (1, 2)
    OR v8 IN (1, 2) OR v9 IN (1, 2) OR v10 IN (1, 2) OR v11 IN (1, 2) OR v12 IN (1, 2) OR v13 IN (1, 2)
    OR v14 IN (1, 2) OR v15 IN (1, 2) OR v16 IN (1, 2) OR v17 IN (1, 2) OR v18 IN (1, 2) OR v19 IN (1, 2)
    OR v20 IN (1, 2)
ORDER BY row
;
COPY (
SELECT row_number() OVER () AS finding, 'image-sets/' || rule AS rule, severity, target, account, shown_region AS region,
    datastoreId, imageSetId, shown_version AS versionId, exact,
    CASE WHEN v = 2 THEN 'unknown' ELSE 'fail' END AS verdict,
    reason, fields::VARCHAR AS fields
FROM (
SELECT *, v1 AS v, 'no-forced-overrides' AS rule, 'high' AS severity,
    CASE WHEN v1 = 2 THEN coalesce(error, '') END AS reason,
    json_object('found', found, 'overrides.forced', forced, 'versionId', versionId) AS fields
FROM hot WHERE v1 IN (1, 2)
UNION ALL
SELECT *, v2 AS v, 'no-recent-deletions' AS rule, 'medium' AS severity,
    CASE WHEN v2 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetState', imageSetState, state), absent('deletedAt', deletedAt))) END AS reason,
    json_object('found', found, 'labels.superseded_by', superseded_by, 'imageSetState', imageSetState, 'deletedAt', iso(deletedAt)) AS fields
FROM hot WHERE v2 IN (1, 2)
UNION ALL
SELECT *, v3 AS v, 'no-early-deletions' AS rule, 'critical' AS severity,
    CASE WHEN v3 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetState', imageSetState, state), absent('labels.study_date', study_date),
        absent('labels.retention', retention), absent('deletedAt', deletedAt))) END AS reason,
    json_object('found', found, 'imageSetState', imageSetState, 'labels.superseded_by', superseded_by, 'labels.study_date', iso(study_date), 'labels.retention', retention, 'deletedAt', iso(deletedAt)) AS fields
FROM hot WHERE v3 IN (1, 2)
UNION ALL
SELECT *, v4 AS v, 'deleted-too-soon-after-ingest' AS rule, 'high' AS severity,
    CASE WHEN v4 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetState', imageSetState, state), absent('deletedAt', deletedAt), absent('createdAt', createdAt))) END AS reason,
    json_object('found', found, 'imageSetState', imageSetState, 'labels.superseded_by', superseded_by, 'labels.study_date', iso(study_date), 'labels.retention', retention, 'deletedAt', iso(deletedAt), 'createdAt', iso(createdAt)) AS fields
FROM hot WHERE v4 IN (1, 2)
UNION ALL
SELECT *, v5 AS v, 'deletion-recorded' AS rule, 'medium' AS severity,
    CASE WHEN v5 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetState', imageSetState, state), absent('deletedAt', deletedAt), absent('createdAt', createdAt))) END AS reason,
    json_object('found', found, 'imageSetState', imageSetState, 'deletedAt', iso(deletedAt), 'createdAt', iso(createdAt)) AS fields
FROM hot WHERE v5 IN (1, 2)
UNION ALL
SELECT *, v6 AS v, 'no-failed-workflow' AS rule, 'medium' AS severity,
    CASE WHEN v6 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetWorkflowStatus', imageSetWorkflowStatus, status))) END AS reason,
    json_object('found', found, 'imageSetWorkflowStatus', imageSetWorkflowStatus) AS fields
FROM hot WHERE v6 IN (1, 2)
UNION ALL
SELECT *, v7 AS v, 'not-stuck-in-locked' AS rule, 'medium' AS severity,
    CASE WHEN v7 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetState', imageSetState, state), absent('updatedAt', updatedAt))) END AS reason,
    json_object('found', found, 'imageSetState', imageSetState, 'updatedAt', iso(updatedAt), 'imageSetWorkflowStatus', imageSetWorkflowStatus) AS fields
FROM hot WHERE v7 IN (1, 2)
UNION ALL
SELECT *, v8 AS v, 'no-service-message' AS rule, 'low' AS severity,
    CASE WHEN v8 = 2 THEN coalesce(error, '') END AS reason,
    json_object('found', found, 'message', message) AS fields
FROM hot WHERE v8 IN (1, 2)
UNION ALL
SELECT *, v9 AS v, 'non-primary-resolved' AS rule, 'medium' AS severity,
    CASE WHEN v9 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetState', imageSetState, state), absent('isPrimary', isPrimary), absent('createdAt', createdAt))) END AS reason,
    json_object('found', found, 'imageSetState', imageSetState, 'isPrimary', isPrimary, 'createdAt', iso(createdAt)) AS fields
FROM hot WHERE v9 IN (1, 2)
UNION ALL
SELECT *, v10 AS v, 'timestamps-sane' AS rule, 'medium' AS severity,
    CASE WHEN v10 = 2 THEN coalesce(error, concat_ws(', ', absent('updatedAt', updatedAt), absent('createdAt', createdAt))) END AS reason,
    json_object('found', found, 'updatedAt', iso(updatedAt), 'createdAt', iso(createdAt), 'deletedAt', iso(deletedAt), 'lastAccessedAt', iso(lastAccessedAt)) AS fields
FROM hot WHERE v10 IN (1, 2)
UNION ALL
SELECT *, v11 AS v, 'expected-set-exists' AS rule, 'high' AS severity,
    CASE WHEN v11 = 2 THEN coalesce(error, '') END AS reason,
    json_object('labels.legal_hold', legal_hold, 'labels.superseded_by', superseded_by, 'labels.erase_by', iso(erase_by), 'found', found) AS fields
FROM hot WHERE v11 IN (1, 2)
UNION ALL
SELECT *, v12 AS v, 'legal-hold-kept' AS rule, 'critical' AS severity,
    CASE WHEN v12 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetState', imageSetState, state), unlisted('imageSetWorkflowStatus', imageSetWorkflowStatus, status))) END AS reason,
    json_object('found', found, 'labels.legal_hold', legal_hold, 'imageSetState', imageSetState, 'imageSetWorkflowStatus', imageSetWorkflowStatus) AS fields
FROM hot WHERE v12 IN (1, 2)
UNION ALL
SELECT *, v13 AS v, 'erasure-done' AS rule, 'high' AS severity,
    CASE WHEN v13 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetState', imageSetState, state))) END AS reason,
    json_object('labels.erase_by', iso(erase_by), 'found', found, 'imageSetState', imageSetState) AS fields
FROM hot WHERE v13 IN (1, 2)
UNION ALL
SELECT *, v14 AS v, 'storage-tier-review' AS rule, 'info' AS severity,
    CASE WHEN v14 = 2 THEN coalesce(error, concat_ws(', ', unlisted('imageSetState', imageSetState, state), unlisted('storageTier', storageTier, tier), absent('lastAccessedAt', lastAccessedAt))) END AS reason,
    json_object('found', found, 'imageSetState', imageSetState, 'storageTier', storageTier, 'lastAccessedAt', iso(lastAccessedAt)) AS fields
FROM hot WHERE v14 IN (1, 2)
UNION ALL
SELECT *, v15 AS v, 'location-as-expected' AS rule, 'high' AS severity,
    CASE WHEN v15 = 2 THEN coalesce(error, concat_ws(', ', absent('region', region))) END AS reason,
    json_object('found', found, 'region', region) AS fields
FROM hot WHERE v15 IN (1, 2)
UNION ALL
SELECT *, v16 AS v, 'arn-of-the-service' AS rule, 'low' AS severity,
    CASE WHEN v16 = 2 THEN coalesce(error, concat_ws(', ', absent('imageSetArn', imageSetArn))) END AS reason,
    json_object('found', found, 'imageSetArn', imageSetArn) AS fields
FROM hot WHERE v16 IN (1, 2)
UNION ALL
SELECT *, v17 AS v, 'few-versions' AS rule, 'low' AS severity,
    CASE WHEN v17 = 2 THEN coalesce(error, concat_ws(', ', absent('versionId', versionId))) END AS reason,
    json_object('found', found, 'versionId', versionId) AS fields
FROM hot WHERE v17 IN (1, 2)
UNION ALL
SELECT *, v18 AS v, 'no-conflict-message' AS rule, 'medium' AS severity,
    CASE WHEN v18 = 2 THEN coalesce(error, '') END AS reason,
    json_object('found', found, 'message', message) AS fields
FROM hot WHERE v18 IN (1, 2)
UNION ALL
SELECT *, v19 AS v, 'no-change-in-the-freeze' AS rule, 'high' AS severity,
    CASE WHEN v19 = 2 THEN coalesce(error, concat_ws(', ', absent('updatedAt', updatedAt), absent('isPrimary', isPrimary), unlisted('imageSetWorkflowStatus', imageSetWorkflowStatus, status))) END AS reason,
    json_object('found', found, 'updatedAt', iso(updatedAt), 'isPrimary', isPrimary, 'imageSetWorkflowStatus', imageSetWorkflowStatus) AS fields
FROM hot WHERE v19 IN (1, 2)
UNION ALL
SELECT *, v20 AS v, 'locked-by-an-update' AS rule, 'low' AS severity,
    CASE WHEN v20 = 2 THEN coalesce(error, concat_ws(', ', absent('versionId', versionId), unlisted('imageSetState', imageSetState, state), unlisted('imageSetWorkflowStatus', imageSetWorkflowStatus, status))) END AS reason,
    json_object('versionId', versionId, 'imageSetState', imageSetState, 'imageSetWorkflowStatus', imageSetWorkflowStatus) AS fields
FROM hot WHERE v20 IN (1, 2)
)
) TO '{findings}' (FORMAT parquet, COMPRESSION zstd)
;
