-- What is changed in the log, under the lock that it grows under. What changes a stream's edits drops its
-- snapshot.
CREATE OR REPLACE FUNCTION {es}.take_fence() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'an edit needs READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
    END IF;
    PERFORM pg_advisory_xact_lock({fence});
END
$body$;

-- The head of a stream, and where its visible part begins; `fits` is whether it is as expected: at this version,
-- or -1 for any and -2 for one above 0.
CREATE OR REPLACE FUNCTION {es}.heading(
    p_stream text, p_expected bigint,
    OUT version bigint, OUT fits boolean, OUT truncated_before bigint, OUT closed boolean
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    version := coalesce((SELECT max(event.version) FROM {es}.events AS event WHERE event.stream = p_stream), 0);
    fits := p_expected = -1 OR p_expected = -2 AND version > 0 OR p_expected = version;
    SELECT head.truncated_before, head.closed_at IS NOT NULL INTO truncated_before, closed
        FROM {es}.streams AS head WHERE head.stream = p_stream;
    truncated_before := coalesce(truncated_before, 0);
    closed := coalesce(closed, false);
END
$body$;

-- Answers the version of the stream, if it is not as expected.
CREATE OR REPLACE FUNCTION {es}.close_stream(p_stream text, p_expected bigint, p_reason text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    v_now bigint;
    v_head record;
BEGIN
    PERFORM {es}.take_fence();
    v_head := {es}.heading(p_stream, p_expected);
    IF NOT v_head.fits THEN RETURN v_head.version; END IF;
    IF v_head.closed THEN RETURN NULL; END IF;
    v_now := greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
        (SELECT event.stored_at FROM {es}.events AS event ORDER BY event.position DESC LIMIT 1));
    INSERT INTO {es}.streams AS head (stream, closed_at, reason) VALUES (p_stream, v_now, p_reason)
        ON CONFLICT (stream) DO UPDATE SET closed_at = excluded.closed_at, reason = excluded.reason;
    DELETE FROM {es}.snapshots AS snapshot WHERE snapshot.stream = p_stream;
    RETURN NULL;
END
$body$;

-- Answers the version of the stream, if it is not as expected.
CREATE OR REPLACE FUNCTION {es}.truncate_stream(p_stream text, p_expected bigint, p_before bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    v_before bigint;
    v_head record;
BEGIN
    PERFORM {es}.take_fence();
    v_head := {es}.heading(p_stream, p_expected);
    IF NOT v_head.fits THEN RETURN v_head.version; END IF;
    v_before := least(p_before, v_head.version + 1);
    IF v_before <= greatest(v_head.truncated_before, 1) THEN RETURN NULL; END IF;
    INSERT INTO {es}.streams AS head (stream, edits, truncated_before) VALUES (p_stream, 1, v_before)
        ON CONFLICT (stream) DO UPDATE SET edits = head.edits + 1, truncated_before = excluded.truncated_before;
    DELETE FROM {es}.snapshots AS snapshot WHERE snapshot.stream = p_stream;
    RETURN NULL;
END
$body$;

-- Answers whether it is redacted now; NULL if it was, and looks just as it shall.
CREATE OR REPLACE FUNCTION {es}.redact_event(
    p_event uuid, p_metadata bytea, p_beside uuid, p_beside_metadata bytea
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    v_stream text;
BEGIN
    PERFORM {es}.take_fence();
    UPDATE {es}.events AS event SET payload = NULL, metadata = p_metadata
        WHERE event.event_id = p_event AND event.payload IS NOT NULL RETURNING event.stream INTO v_stream;
    IF v_stream IS NULL THEN
        RETURN CASE WHEN NOT EXISTS (SELECT FROM {es}.events AS event
            WHERE event.event_id = p_event AND event.metadata = p_metadata) THEN false END;
    END IF;
    UPDATE {es}.events AS event SET metadata = p_beside_metadata
        WHERE event.event_id = p_beside AND event.stream = v_stream;
    INSERT INTO {es}.streams AS head (stream, edits) VALUES (v_stream, 1)
        ON CONFLICT (stream) DO UPDATE SET edits = head.edits + 1;
    DELETE FROM {es}.snapshots AS snapshot WHERE snapshot.stream = v_stream;
    RETURN true;
END
$body$;
