-- Payloads move from rows of their own into packs: the lines of many spans, compressed together.
-- The same score_id in two projects is two scores. `convert` in convert.py carries the rows over and
-- drops the old tables.
ALTER TABLE spans RENAME TO spans_0001;
ALTER TABLE payloads RENAME TO payloads_0001;
ALTER TABLE scores RENAME TO scores_0001;

CREATE TABLE spans (
    -- Order of arrival, over all projects; given by the writer.
    seq BIGINT NOT NULL,
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    parent_id VARCHAR,
    project VARCHAR NOT NULL,
    -- Of the versions of a span only the one with the greatest revision is kept.
    revision BIGINT NOT NULL,
    open BOOLEAN NOT NULL,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    start_ns BIGINT NOT NULL,
    status VARCHAR NOT NULL,
    error VARCHAR,
    session VARCHAR,
    "user" VARCHAR,
    environment VARCHAR,
    service VARCHAR,
    route VARCHAR,
    release VARCHAR,
    run VARCHAR,
    prompt VARCHAR,
    provider VARCHAR,
    model VARCHAR,
    cost_source VARCHAR,
    first_token_ns BIGINT,
    duration_ns BIGINT NOT NULL,
    -- Disjoint token buckets; all NULL when the usage is unknown.
    input_tokens BIGINT,
    cache_read_tokens BIGINT,
    cache_write_5m_tokens BIGINT,
    cache_write_1h_tokens BIGINT,
    audio_input_tokens BIGINT,
    output_tokens BIGINT,
    reasoning_tokens BIGINT,
    audio_output_tokens BIGINT,
    usage_estimated BOOLEAN,
    -- NULL is unpriced, which is not zero.
    cost_usd DECIMAL(18, 9),
    tags VARCHAR[] NOT NULL,
    -- A JSON object, or empty.
    metadata VARCHAR NOT NULL,
    -- Of roots only.
    input_preview VARCHAR NOT NULL,
    output_preview VARCHAR NOT NULL,
    -- Where the payload is: a pack, and the bytes of its line there once it is decompressed.
    pack BIGINT NOT NULL,
    place INTEGER NOT NULL,
    size INTEGER NOT NULL
);

-- Where the spans of a trace are: for each commit, between which numbers. `mark` is the CRC-32 of the
-- trace's id. Reading a trace without it would look through the ids of all spans.
CREATE TABLE trace_places (
    mark UINTEGER NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL
);

-- A pack is one Zstandard frame, `length` bytes of a pack file. Small ones are gathered: then there
-- is no file, and the lines are in the pack `parent`, from `base` on.
CREATE TABLE packs (
    id BIGINT NOT NULL,
    parent BIGINT,
    base INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    file INTEGER,
    at_byte BIGINT,
    length INTEGER
);

-- Lines of versions that were replaced: they go when their span is erased.
CREATE TABLE stale (
    project VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    pack BIGINT NOT NULL,
    place INTEGER NOT NULL,
    size INTEGER NOT NULL
);

-- Which spans need which payloads of the blob store.
CREATE TABLE blob_refs (
    digest VARCHAR NOT NULL,
    project VARCHAR NOT NULL,
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL
);

CREATE TABLE scores (
    score_id VARCHAR NOT NULL,
    project VARCHAR NOT NULL,
    target_kind VARCHAR NOT NULL,
    target_id VARCHAR NOT NULL,
    target_trace_id VARCHAR,
    name VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    value DOUBLE,
    label VARCHAR,
    passed BOOLEAN,
    reason VARCHAR,
    evidence VARCHAR[] NOT NULL,
    source VARCHAR NOT NULL,
    scorer_version VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    author VARCHAR,
    run VARCHAR,
    cost_usd DECIMAL(18, 9),
    latency_ms DOUBLE,
    time_ns BIGINT NOT NULL,
    metadata VARCHAR NOT NULL,
    PRIMARY KEY (project, score_id)
);

-- Sums by hour over live traffic up to `rollup_mark.seq`; what is newer is summed when asked for.
-- A change of what was summed adds a row with the difference. `bucket` is of the latency of model
-- calls, floor(log 1.02 of nanoseconds), and -1 for other spans.
CREATE TABLE rollups (
    project VARCHAR NOT NULL,
    hour BIGINT NOT NULL,
    bucket SMALLINT NOT NULL,
    spans BIGINT NOT NULL,
    roots BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cost_usd DECIMAL(38, 9) NOT NULL
);
CREATE TABLE rollup_mark (seq BIGINT NOT NULL);
INSERT INTO rollup_mark VALUES (0);
