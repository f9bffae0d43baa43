-- What evaluate() does with datastore.yaml, as one would write it by hand: see image_set.sql. Image sets are counted by
-- what is known of them, t(rue), f(alse) or u(nknown): first whether they are among the others, then whether they match.

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
CREATE MACRO tally_among(matches, belongs) AS struct_pack(
    tt := count_if(belongs AND matches),
    tf := count_if(belongs AND NOT matches),
    tu := count_if(belongs AND matches IS NULL),
    ut := count_if(belongs IS NULL AND matches),
    uf := count_if(belongs IS NULL AND NOT matches),
    uu := count_if(belongs IS NULL AND matches IS NULL),
    examples := min(imageSetId, 3) FILTER (WHERE belongs AND matches))
;
CREATE MACRO tally(matches) AS struct_pack(
    tt := count_if(matches), tf := count_if(NOT matches), tu := count_if(matches IS NULL), ut := 0, uf := 0, uu := 0,
    examples := min(imageSetId, 3) FILTER (WHERE matches))
;
CREATE MACRO surely(t) AS t.tt + t.tf + t.tu
;
CREATE MACRO undecided(t) AS t.tu + t.ut + t.uf + t.uu
;
-- true or false where every outcome of the undecided image sets agrees; a share is in parts of 10,000
CREATE MACRO above(t, number) AS CASE WHEN t.tt > number THEN true WHEN t.tt + t.tu <= number THEN false END
;
CREATE MACRO above_share(t, share) AS CASE
    WHEN t.tt * 10000 > share * (surely(t) + t.uf + t.uu) THEN true
    WHEN (t.tt + t.tu + t.ut + t.uu) * 10000 <= share * (surely(t) + t.ut + t.uu) THEN false END
;
CREATE MACRO numbers(t) AS
    json_object('matched', t.tt, 'among', surely(t), 'undecided', undecided(t), 'examples', coalesce(t.examples, []))
;
CREATE MACRO why(kind, t, truth) AS CASE WHEN truth IS NULL THEN
    kind || ': ' || undecided(t) || CASE WHEN undecided(t) = 1 THEN ' image set' ELSE ' image sets' END || ' could not be judged' END
;
CREATE TEMP TABLE counted AS
SELECT target, datastoreId,
    tally_among(NOT isPrimary, found AND state <> 'DELETED') AS t1,
    tally(found AND status IN ('COPY_FAILED', 'UPDATE_FAILED', 'IMPORT_FAILED')) AS t2,
    tally(NOT found) AS t3,
    tally_among(forced, found) AS t4,
    tally_among(tier = 'FREQUENT_ACCESS' AND lastAccessedAt < now - to_days(45), found AND state = 'ACTIVE') AS t5,
    tally(coalesce(legal_hold, false) AND found AND state = 'DELETED') AS t6,
    tally(true) AS t7,
    tally(CASE WHEN tagged THEN department IS NULL END) AS t8,
    tally(coalesce(erase_by < now - to_days(1), false) AND found AND state <> 'DELETED') AS t9,
    tally(found AND state = 'LOCKED' AND updatedAt < now - to_days(1)) AS t10,
    tally_among(updatedAt < now - to_days(200), found AND state = 'LOCKED') AS t11
FROM (
    SELECT target, datastoreId, imageSetId, found, isPrimary, updatedAt, lastAccessedAt,
        TIMESTAMP '2026-01-01' AS now,
        CASE WHEN found THEN coalesce("overrides.forced", false) END AS forced,
        listed_state(imageSetState) AS state,
        listed_status(imageSetWorkflowStatus) AS status,
        listed_tier(storageTier) AS tier,
        "labels.legal_hold" AS legal_hold, "labels.erase_by" AS erase_by,
        "tags.received" AS tagged, "tags.4465706172746d656e74" AS department
    FROM read_parquet('{folder}/image_sets.parquet')
)
GROUP BY target, datastoreId
;
CREATE TEMP TABLE decided AS
SELECT *,
    above_share(t1, 400) AS d1,
    above_share(t2, 298) AS d2,
    above_share(t3, 60) AS d3,
    above_share(t4, 300) AS d4,
    above_share(t5, 455) AS d5,
    above(t6, 148) AS d6,
    above(t7, 50000) AS d7,
    above_share(t8, 200) AS d8,
    above(t9, 1620) AS d9,
    above(t10, 4000) AS d10, above_share(t11, 4700) AS d11,
    CASE WHEN "datastore.received" THEN "datastore.kmsKeyArn" IS NOT NULL END AS keyed
FROM read_parquet('{folder}/datastores.parquet') LEFT JOIN counted USING (target, datastoreId)
;
CREATE TEMP TABLE judged AS
SELECT *, judge(true, d1) AS v1, judge(true, d2) AS v2, judge(true, d3) AS v3, judge(true, d4) AS v4, judge(true, d5) AS v5,
    judge(true, d6) AS v6, judge(true, d7) AS v7, judge(true, d8) AS v8, judge(keyed, d9) AS v9,
    judge(true, d10 OR d11) AS v10
FROM decided
ORDER BY row
;
-- counts
SELECT count_if(COLUMNS('^v') = 0), count_if(COLUMNS('^v') = 1), count_if(COLUMNS('^v') = 2), count_if(COLUMNS('^v') = 3)
FROM judged
;
COPY (
SELECT row_number() OVER () AS finding, 'data-stores/' || rule AS rule, severity, target, "target.account" AS account,
    "target.region" AS region, datastoreId, NULL::VARCHAR AS imageSetId, NULL::BIGINT AS versionId, exact,
    CASE WHEN v = 2 THEN 'unknown' ELSE 'fail' END AS verdict,
    CASE WHEN v = 2 THEN reason END AS reason, fields::VARCHAR AS fields
FROM (
SELECT *, v1 AS v, 'non-primary-share' AS rule, 'medium' AS severity, why('ratio', t1, d1) AS reason,
    json_object('ratio', numbers(t1)) AS fields
FROM judged WHERE v1 IN (1, 2)
UNION ALL
SELECT *, v2 AS v, 'few-failed-operations' AS rule, 'high' AS severity, why('ratio', t2, d2) AS reason,
    json_object('ratio', numbers(t2)) AS fields
FROM judged WHERE v2 IN (1, 2)
UNION ALL
SELECT *, v3 AS v, 'few-missing' AS rule, 'medium' AS severity, why('ratio', t3, d3) AS reason,
    json_object('ratio', numbers(t3)) AS fields
FROM judged WHERE v3 IN (1, 2)
UNION ALL
SELECT *, v4 AS v, 'few-forced' AS rule, 'high' AS severity, why('ratio', t4, d4) AS reason,
    json_object('ratio', numbers(t4)) AS fields
FROM judged WHERE v4 IN (1, 2)
UNION ALL
SELECT *, v5 AS v, 'idle-share' AS rule, 'info' AS severity, why('ratio', t5, d5) AS reason,
    json_object('ratio', numbers(t5)) AS fields
FROM judged WHERE v5 IN (1, 2)
UNION ALL
SELECT *, v6 AS v, 'holds-kept' AS rule, 'critical' AS severity, why('count', t6, d6) AS reason,
    json_object('count', numbers(t6)) AS fields
FROM judged WHERE v6 IN (1, 2)
UNION ALL
SELECT *, v7 AS v, 'store-size' AS rule, 'low' AS severity, why('count', t7, d7) AS reason,
    json_object('count', numbers(t7)) AS fields
FROM judged WHERE v7 IN (1, 2)
UNION ALL
SELECT *, v8 AS v, 'untagged-share' AS rule, 'low' AS severity, why('ratio', t8, d8) AS reason,
    json_object('ratio', numbers(t8)) AS fields
FROM judged WHERE v8 IN (1, 2)
UNION ALL
SELECT *, v9 AS v, 'few-overdue-erasures' AS rule, 'high' AS severity, concat_ws(', ', why('count', t9, d9), 'GetDatastore ' || "datastore.error") AS reason,
    json_object('datastore.kmsKeyArn', "datastore.kmsKeyArn", 'count', numbers(t9)) AS fields
FROM judged WHERE v9 IN (1, 2)
UNION ALL
SELECT *, v10 AS v, 'few-stuck' AS rule, 'medium' AS severity, concat_ws(', ', why('count', t10, d10), why('ratio', t11, d11)) AS reason,
    json_object('count', numbers(t10), 'ratio', numbers(t11)) AS fields
FROM judged WHERE v10 IN (1, 2)
)
) TO '{findings}' (FORMAT parquet, COMPRESSION zstd)
;
