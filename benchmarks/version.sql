-- What evaluate() does with version.yaml, as one would write it by hand: see image_set.sql.

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
CREATE MACRO failed(status) AS status IN ('COPY_FAILED', 'UPDATE_FAILED', 'IMPORT_FAILED')
;
-- the first version has none before it, so that what is asked of that one is false
CREATE MACRO earlier(found, before, truth) AS CASE WHEN found AND before IS NULL THEN false ELSE truth END
;
-- why a field has no value that one could compare
CREATE MACRO absent(name, value) AS CASE WHEN value IS NULL THEN name || ' absent' END
;
CREATE MACRO unlisted(name, value, listed) AS
    CASE WHEN value IS NULL THEN name || ' absent' WHEN listed IS NULL THEN name || ' unlisted' END
;
CREATE TEMP VIEW rows AS
SELECT
    "error.code" AS error, target, "target.account" AS account, "target.region" AS region, datastoreId, imageSetId,
    coalesce(versionId, requestedVersionId) AS shown_version,
    CASE WHEN found THEN coalesce("overrides.forced", false) END AS forced,
    CASE WHEN found AND "previous_version.versionId" IS NOT NULL THEN coalesce("previous_version.overrides.forced", false)
        END AS forced_before,
    imageSetState, listed_state(imageSetState) AS state,
    imageSetWorkflowStatus, listed_status(imageSetWorkflowStatus) AS status,
    "previous_version.imageSetState" AS shown_state_before, listed_state("previous_version.imageSetState") AS state_before,
    "previous_version.imageSetWorkflowStatus" AS shown_status_before,
    listed_status("previous_version.imageSetWorkflowStatus") AS status_before,
    row, found, versionId, createdAt, updatedAt, isPrimary, message, "labels.freeze_date" AS freeze_date,
    "previous_version.versionId" AS before, "previous_version.createdAt" AS created_before,
    "previous_version.updatedAt" AS updated_before, "previous_version.isPrimary" AS primary_before,
    "previous_version.message" AS message_before,
    CASE WHEN found THEN "previous_version.versionId" IS NOT NULL END AS preceded,
    CASE WHEN found THEN coalesce(message, '') END AS said,
    CASE WHEN found THEN coalesce("previous_version.message", '') END AS said_before
FROM read_parquet('{folder}/versions.parquet')
;
CREATE TEMP TABLE judged AS
SELECT row,
    judge(found, forced) AS v1,
    judge(found, NOT (versionId = 1 OR (versionId - before = 1 AND before IS NOT NULL))) AS v2,
    judge(found AND preceded, createdAt <> created_before) AS v3,
    judge(found AND earlier(found, before, failed(status_before)), failed(status)) AS v4,
    judge(found AND earlier(found, before, state_before = 'DELETED'), state <> 'DELETED') AS v5,
    judge(found AND preceded, updatedAt < updated_before) AS v6,
    judge(found, earlier(found, before, primary_before) AND NOT isPrimary) AS v7,
    judge(found AND freeze_date IS NOT NULL, versionId > 3 AND updatedAt >= freeze_date) AS v8,
    judge(found, contains(said, 'conflict') AND NOT contains(said_before, 'conflict')) AS v9,
    judge(found AND NOT forced, earlier(found, before, forced_before)) AS v10
FROM rows
;
-- counts
SELECT count_if(COLUMNS('^v') = 0), count_if(COLUMNS('^v') = 1), count_if(COLUMNS('^v') = 2), count_if(COLUMNS('^v') = 3)
FROM judged
;
CREATE TEMP TABLE hot AS
SELECT judged.* EXCLUDE (row), rows.*
FROM judged JOIN rows USING (row)
WHERE v1 IN (1, 2) OR v2 IN (1, 2) OR v3 IN (1, 2) OR v4 IN (1, 2) OR v5 IN (1, 2)
    OR v6 IN (1, 2) OR v7 IN (1, 2) OR v8 IN (1, 2) OR v9 IN (1, 2) OR v10 IN (1, 2)
ORDER BY row
;
COPY (
SELECT row_number() OVER () AS finding, 'versions/' || rule AS rule, severity, target, account, region, datastoreId, imageSetId,
    shown_version AS versionId, true AS exact,
    CASE WHEN v = 2 THEN 'unknown' ELSE 'fail' END AS verdict,
    reason, fields::VARCHAR AS fields
FROM (
SELECT *, v1 AS v, 'no-version-ever-forced' AS rule, 'high' AS severity,
    CASE WHEN v1 = 2 THEN coalesce(error, '') END AS reason,
    json_object('found', found, 'overrides.forced', forced, 'versionId', versionId) AS fields
FROM hot WHERE v1 IN (1, 2)
UNION ALL
SELECT *, v2 AS v, 'version-numbers-contiguous' AS rule, 'medium' AS severity,
    CASE WHEN v2 = 2 THEN coalesce(error, '') END AS reason,
    json_object('found', found, 'versionId', versionId, 'previous_version.versionId', before) AS fields
FROM hot WHERE v2 IN (1, 2)
UNION ALL
SELECT *, v3 AS v, 'creation-time-constant' AS rule, 'medium' AS severity,
    CASE WHEN v3 = 2 THEN coalesce(error, concat_ws(', ', absent('createdAt', createdAt), absent('previous_version.createdAt', created_before))) END AS reason,
    json_object('found', found, 'previous_version.versionId', before, 'createdAt', iso(createdAt), 'previous_version.createdAt', iso(created_before)) AS fields
FROM hot WHERE v3 IN (1, 2)
UNION ALL
SELECT *, v4 AS v, 'failure-followed-by-success' AS rule, 'medium' AS severity,
    CASE WHEN v4 = 2 THEN coalesce(error, concat_ws(', ', unlisted('previous_version.imageSetWorkflowStatus', shown_status_before, status_before),
        unlisted('imageSetWorkflowStatus', imageSetWorkflowStatus, status))) END AS reason,
    json_object('found', found, 'previous_version.imageSetWorkflowStatus', shown_status_before, 'imageSetWorkflowStatus', imageSetWorkflowStatus, 'versionId', versionId) AS fields
FROM hot WHERE v4 IN (1, 2)
UNION ALL
SELECT *, v5 AS v, 'deleted-never-returns' AS rule, 'critical' AS severity,
    CASE WHEN v5 = 2 THEN coalesce(error, concat_ws(', ', unlisted('previous_version.imageSetState', shown_state_before, state_before),
        unlisted('imageSetState', imageSetState, state))) END AS reason,
    json_object('found', found, 'previous_version.imageSetState', shown_state_before, 'imageSetState', imageSetState) AS fields
FROM hot WHERE v5 IN (1, 2)
UNION ALL
SELECT *, v6 AS v, 'updates-in-order' AS rule, 'medium' AS severity,
    CASE WHEN v6 = 2 THEN coalesce(error, concat_ws(', ', absent('updatedAt', updatedAt), absent('previous_version.updatedAt', updated_before))) END AS reason,
    json_object('found', found, 'previous_version.versionId', before, 'updatedAt', iso(updatedAt), 'previous_version.updatedAt', iso(updated_before)) AS fields
FROM hot WHERE v6 IN (1, 2)
UNION ALL
SELECT *, v7 AS v, 'primary-stays' AS rule, 'high' AS severity,
    CASE WHEN v7 = 2 THEN coalesce(error, concat_ws(', ', absent('previous_version.isPrimary', primary_before), absent('isPrimary', isPrimary))) END AS reason,
    json_object('found', found, 'previous_version.isPrimary', primary_before, 'isPrimary', isPrimary) AS fields
FROM hot WHERE v7 IN (1, 2)
UNION ALL
SELECT *, v8 AS v, 'no-change-in-the-freeze' AS rule, 'high' AS severity,
    CASE WHEN v8 = 2 THEN coalesce(error, concat_ws(', ', absent('updatedAt', updatedAt))) END AS reason,
    json_object('found', found, 'labels.freeze_date', iso(freeze_date), 'versionId', versionId, 'updatedAt', iso(updatedAt)) AS fields
FROM hot WHERE v8 IN (1, 2)
UNION ALL
SELECT *, v9 AS v, 'no-new-conflict' AS rule, 'low' AS severity,
    CASE WHEN v9 = 2 THEN coalesce(error, '') END AS reason,
    json_object('found', found, 'message', message, 'previous_version.message', message_before) AS fields
FROM hot WHERE v9 IN (1, 2)
UNION ALL
SELECT *, v10 AS v, 'no-force-hidden' AS rule, 'high' AS severity,
    CASE WHEN v10 = 2 THEN coalesce(error, '') END AS reason,
    json_object('found', found, 'overrides.forced', forced, 'previous_version.overrides.forced', forced_before) AS fields
FROM hot WHERE v10 IN (1, 2)
)
) TO '{findings}' (FORMAT parquet, COMPRESSION zstd)
;
