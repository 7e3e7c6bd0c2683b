-- A call that failed before anything was used cost nothing, and is not unpriced. A column of another
-- name, because a column that a projection is of cannot change.
ALTER TABLE spans {on_cluster} ADD COLUMN IF NOT EXISTS
    lacks_price Bool MATERIALIZED
        kind = 'llm' AND cost_usd IS NULL AND (input_tokens IS NOT NULL OR status <> 'error');

-- From here on nobody asks the projection that counted by the other rule.
CREATE OR REPLACE VIEW rollups {on_cluster} AS
SELECT
    project,
    intDiv(start_ns, 3600000000000) AS hour,
    bucket,
    count() AS spans,
    countIf(root) AS roots,
    countIf(failed) AS errors,
    countIf(lacks_price) AS unpriced,
    coalesce(sum(call_input_tokens), 0) AS input_tokens,
    coalesce(sum(call_output_tokens), 0) AS output_tokens,
    coalesce(sum(call_cost_usd), 0) AS cost_usd
FROM spans
WHERE live
GROUP BY project, hour, bucket
SETTINGS prefer_column_name_to_alias = 1;

ALTER TABLE spans {on_cluster} DROP PROJECTION IF EXISTS hours;
ALTER TABLE spans {on_cluster} ADD PROJECTION IF NOT EXISTS hourly (
    SELECT
        project,
        intDiv(start_ns, 3600000000000) AS hour,
        bucket,
        live,
        count(),
        countIf(root),
        countIf(failed),
        countIf(lacks_price),
        sum(call_input_tokens),
        sum(call_output_tokens),
        sum(call_cost_usd)
    GROUP BY project, hour, bucket, live
);

-- In parts that are there already, while the server goes on: until a part is done, its rows are read.
ALTER TABLE spans {on_cluster} MATERIALIZE COLUMN lacks_price
    SETTINGS mutations_sync = 0;
ALTER TABLE spans {on_cluster} MATERIALIZE PROJECTION hourly
    SETTINGS mutations_sync = 0;
