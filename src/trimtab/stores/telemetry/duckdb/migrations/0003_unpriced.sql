-- A call that failed before anything was used cost nothing, and is not unpriced. The sums by hour
-- counted it: rows with the difference, as for every change of what was summed.
INSERT INTO rollups
SELECT
    project,
    start_ns // 3600000000000 AS hour,
    CAST(floor(ln(greatest(duration_ns, 1)) / ln(1.02)) AS SMALLINT) AS bucket,
    0, 0, 0, -count(*), 0, 0, 0
FROM spans
WHERE kind = 'llm' AND cost_usd IS NULL AND input_tokens IS NULL AND status = 'error'
    AND run IS NULL AND seq <= (SELECT max(seq) FROM rollup_mark)
GROUP BY ALL;
