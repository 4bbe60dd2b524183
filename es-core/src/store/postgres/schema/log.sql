-- The log. Positions are given by `append`, under its lock: dense, in commit order. `recorded_at` and `stored_at`
-- are microseconds since 1970. A payload that is null was redacted. `streams` holds the edited and the closed
-- ones only. Names are compared by their bytes.
CREATE TABLE {es}.events (
    position    bigint   NOT NULL,
    version     bigint   NOT NULL,
    recorded_at bigint   NOT NULL,
    stored_at   bigint   NOT NULL,
    event_id    uuid     NOT NULL,
    schema      smallint NOT NULL,
    stream      text     COLLATE "C" NOT NULL,
    category    text     COLLATE "C" NOT NULL,
    name        text     COLLATE "C" NOT NULL,
    metadata    bytea    NOT NULL,
    payload     bytea,
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_stream UNIQUE (stream, version),
    CONSTRAINT events_id UNIQUE (event_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02);
CREATE INDEX events_category ON {es}.events (category, position);
CREATE TABLE {es}.streams (
    stream           text COLLATE "C" PRIMARY KEY,
    edits            bigint NOT NULL DEFAULT 0,
    truncated_before bigint NOT NULL DEFAULT 0,
    closed_at        bigint,
    reason           text
);
CREATE TABLE {es}.snapshots (
    stream      text COLLATE "C" PRIMARY KEY,
    fingerprint bigint NOT NULL,
    version     bigint NOT NULL,
    position    bigint NOT NULL,
    recorded_at bigint NOT NULL,
    edits       bigint NOT NULL,
    payload     bytea  NOT NULL
);
-- `schema_version`, `log_id`
CREATE TABLE {es}.meta (key text PRIMARY KEY, value text NOT NULL);
