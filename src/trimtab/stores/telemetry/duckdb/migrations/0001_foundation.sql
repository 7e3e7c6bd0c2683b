-- Times are Unix nanoseconds. `seq` is the order of arrival, over all projects.
CREATE SEQUENCE span_seq;
CREATE TABLE spans (
    seq BIGINT NOT NULL DEFAULT nextval('span_seq'),
    -- The first 16 bytes of a SHA-256 over (trace_id, span_id): a third of the index of the text.
    identity UUID PRIMARY KEY,
    trace_id VARCHAR NOT NULL,
    span_id VARCHAR NOT NULL,
    parent_id VARCHAR,
    project VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    start_ns BIGINT NOT NULL,
    end_ns BIGINT NOT NULL,
    status VARCHAR NOT NULL,
    error VARCHAR,
    session VARCHAR,
    "user" VARCHAR,
    environment VARCHAR,
    service VARCHAR,
    route VARCHAR,
    release VARCHAR,
    run VARCHAR,
    provider VARCHAR,
    model VARCHAR,
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
    first_token_ns BIGINT,
    -- Ids of payloads in order: the elements of a list, or one whole value; NULL is no value.
    input_payloads BIGINT[],
    input_is_list BOOLEAN,
    output_payloads BIGINT[],
    output_is_list BOOLEAN,
    input_preview VARCHAR NOT NULL,
    output_preview VARCHAR NOT NULL,
    tags VARCHAR[] NOT NULL,
    attributes VARCHAR NOT NULL,
    events VARCHAR NOT NULL
);

-- Content-addressed JSON. Ids grow with time, so that the payloads of a trace lie together; content
-- that comes again much later may be stored again. Without a body it is in the blob store.
CREATE SEQUENCE payload_id;
CREATE TABLE payloads (
    id BIGINT NOT NULL,
    hash BLOB NOT NULL,
    body VARCHAR
);

CREATE TABLE scores (
    score_id VARCHAR PRIMARY KEY,
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
    metadata VARCHAR NOT NULL
);

-- One row, written to find out whether writing works.
CREATE TABLE heartbeat (id INTEGER PRIMARY KEY, time_ns BIGINT NOT NULL);
INSERT INTO heartbeat VALUES (1, 0);
