-- The columns of a span are those of the embedded store, and its payload as JSON text: whole, so that
-- processes share nothing but the database.
-- Sorted by what lists and traces look for; of rows with one key the greatest revision stays.
CREATE TABLE IF NOT EXISTS spans {on_cluster} (
    -- Order of arrival; given by the writer, and no two writers give the same number.
    seq Int64 CODEC(Delta, ZSTD),
    trace_id String,
    span_id String,
    parent_id Nullable(String),
    project LowCardinality(String),
    revision Int64,
    open Bool,
    name LowCardinality(String),
    kind LowCardinality(String),
    start_ns Int64 CODEC(Delta, ZSTD),
    status LowCardinality(String),
    error Nullable(String),
    session Nullable(String),
    user Nullable(String),
    environment LowCardinality(Nullable(String)),
    service LowCardinality(Nullable(String)),
    route LowCardinality(Nullable(String)),
    release LowCardinality(Nullable(String)),
    run Nullable(String),
    prompt LowCardinality(Nullable(String)),
    provider LowCardinality(Nullable(String)),
    model LowCardinality(Nullable(String)),
    cost_source LowCardinality(Nullable(String)),
    first_token_ns Nullable(Int64) CODEC(ZSTD),
    duration_ns Int64 CODEC(ZSTD),
    -- Disjoint token buckets; all NULL when the usage is unknown.
    input_tokens Nullable(Int64),
    cache_read_tokens Nullable(Int64),
    cache_write_5m_tokens Nullable(Int64),
    cache_write_1h_tokens Nullable(Int64),
    audio_input_tokens Nullable(Int64),
    output_tokens Nullable(Int64),
    reasoning_tokens Nullable(Int64),
    audio_output_tokens Nullable(Int64),
    usage_estimated Nullable(Bool),
    -- NULL is unpriced, which is not zero.
    cost_usd Nullable(Decimal(18, 9)),
    tags Array(LowCardinality(String)),
    metadata String CODEC(ZSTD(3)),
    input_preview String CODEC(ZSTD(3)),
    output_preview String CODEC(ZSTD(3)),
    input String CODEC(ZSTD(3)),
    output String CODEC(ZSTD(3)),
    attributes String CODEC(ZSTD(3)),
    events String CODEC(ZSTD(3)),
    links String CODEC(ZSTD(3)),
    resource String CODEC(ZSTD(3)),
    -- What the sums are of. As columns, because a query finds a projection only by their names:
    -- the same expression written twice is not always the same to the planner.
    bucket Int16 MATERIALIZED
        if(kind = 'llm', CAST(floor(log(greatest(duration_ns, 1)) / log(1.02)) AS Int16), -1),
    live Bool MATERIALIZED run IS NULL,
    root Bool MATERIALIZED parent_id IS NULL,
    failed Bool MATERIALIZED kind = 'llm' AND status = 'error',
    unpriced Bool MATERIALIZED kind = 'llm' AND cost_usd IS NULL,
    call_input_tokens Nullable(Int64) MATERIALIZED
        if(kind = 'llm', input_tokens + cache_read_tokens + cache_write_5m_tokens
            + cache_write_1h_tokens + audio_input_tokens, NULL),
    call_output_tokens Nullable(Int64) MATERIALIZED
        if(kind = 'llm', output_tokens + reasoning_tokens + audio_output_tokens, NULL),
    call_cost_usd Nullable(Decimal(18, 9)) MATERIALIZED if(kind = 'llm', cost_usd, NULL),
    INDEX by_trace trace_id TYPE bloom_filter(0.01),
    INDEX by_user user TYPE bloom_filter(0.01),
    INDEX by_session session TYPE bloom_filter(0.01),
    INDEX by_seq seq TYPE minmax,
    -- All that a search for text looks at: of one that has no index, everything would be read.
    INDEX words_of_input lowerUTF8(input) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX words_of_output lowerUTF8(output) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX words_of_name lowerUTF8(name) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX words_of_error lowerUTF8(coalesce(error, '')) TYPE text(tokenizer = 'splitByNonAlpha'),
    -- Sums by hour, kept with the rows they are of: they cannot say anything else than those.
    PROJECTION hours (
        SELECT
            project,
            intDiv(start_ns, 3600000000000) AS hour,
            bucket,
            live,
            count(),
            countIf(root),
            countIf(failed),
            countIf(unpriced),
            sum(call_input_tokens),
            sum(call_output_tokens),
            sum(call_cost_usd)
        GROUP BY project, hour, bucket, live
    )
)
ENGINE = {replicated}ReplacingMergeTree(revision)
-- Open spans are replaced soon. Kept apart, what they leave is deleted from small parts only.
PARTITION BY (toYYYYMM(fromUnixTimestamp64Nano(start_ns)), open)
PRIMARY KEY (project, intDiv(start_ns, 3600000000000), xxHash32(trace_id))
ORDER BY (project, intDiv(start_ns, 3600000000000), xxHash32(trace_id), trace_id, span_id)
SETTINGS
    -- An answer to an insert means that it is on disk.
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    lightweight_mutation_projection_mode = 'rebuild',
    deduplicate_merge_projection_mode = 'rebuild';

-- What the embedded store keeps in a table is read here through the projection.
CREATE VIEW IF NOT EXISTS rollups {on_cluster} AS
SELECT
    project,
    intDiv(start_ns, 3600000000000) AS hour,
    bucket,
    count() AS spans,
    countIf(root) AS roots,
    countIf(failed) AS errors,
    countIf(unpriced) AS unpriced,
    coalesce(sum(call_input_tokens), 0) AS input_tokens,
    coalesce(sum(call_output_tokens), 0) AS output_tokens,
    coalesce(sum(call_cost_usd), 0) AS cost_usd
FROM spans
WHERE live
GROUP BY project, hour, bucket
SETTINGS prefer_column_name_to_alias = 1;

CREATE TABLE IF NOT EXISTS score_versions {on_cluster} (
    version Int64,
    score_id String,
    project LowCardinality(String),
    target_kind LowCardinality(String),
    target_id String,
    target_trace_id Nullable(String),
    name LowCardinality(String),
    status LowCardinality(String),
    value Nullable(Float64),
    label Nullable(String),
    passed Nullable(Bool),
    reason Nullable(String) CODEC(ZSTD(3)),
    evidence Array(String),
    source LowCardinality(String),
    scorer_version LowCardinality(String),
    digest LowCardinality(String),
    author Nullable(String),
    run Nullable(String),
    cost_usd Nullable(Decimal(18, 9)),
    latency_ms Nullable(Float64),
    time_ns Int64 CODEC(Delta, ZSTD),
    metadata String CODEC(ZSTD(3)),
    INDEX by_trace target_trace_id TYPE bloom_filter(0.01),
    INDEX by_target target_id TYPE bloom_filter(0.01)
)
ENGINE = {replicated}ReplacingMergeTree(version)
ORDER BY (project, score_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE VIEW IF NOT EXISTS scores {on_cluster} AS SELECT * FROM score_versions FINAL;

-- Processes that write: each gives numbers that end in its slot, and says when it was last seen.
CREATE TABLE IF NOT EXISTS writers {on_cluster} (
    writer String,
    slot UInt16,
    seen_ns Int64,
    closed Bool
)
ENGINE = {replicated}ReplacingMergeTree(seen_ns)
ORDER BY writer;
