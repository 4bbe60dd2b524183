-- What is usual, in as few steps as it takes: one event for one stream, as `append` would store it, and with the same
-- answers. It is for sessions in which tables are never scanned whole: to set that here would cost as much again.
CREATE OR REPLACE FUNCTION {es}.append_one(
    p_stream text, p_expected bigint, p_edits bigint, p_id uuid, p_name text, p_schema smallint, p_recorded_at bigint,
    p_metadata bytea, p_payload bytea,
    OUT before bigint, OUT stored_at bigint, OUT outcome text, OUT version bigint, OUT edits bigint, OUT closed boolean
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
#variable_conflict use_column
DECLARE
    v_there text;
    v_head bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
    END IF;
    -- In a statement of its own: the next one sees what the last holder has stored.
    PERFORM pg_advisory_xact_lock({fence});
    -- Of a closed stream, -1 - edits.
    SELECT last.position, last.stored_at,
            (SELECT event.stream FROM {es}.events AS event WHERE event.event_id = p_id),
            (SELECT event.version FROM {es}.events AS event WHERE event.stream = p_stream
                ORDER BY event.version DESC LIMIT 1),
            (SELECT CASE WHEN head.closed_at IS NULL THEN head.edits ELSE -1 - head.edits END
                FROM {es}.streams AS head WHERE head.stream = p_stream)
        INTO before, stored_at, v_there, version, v_head
        FROM (SELECT) AS always LEFT JOIN
            (SELECT position, stored_at FROM {es}.events ORDER BY position DESC LIMIT 1) AS last ON true;
    before := coalesce(before, 0);
    stored_at := greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, stored_at);
    version := coalesce(version, 0);
    closed := coalesce(v_head, 0) < 0;
    edits := CASE WHEN closed THEN -1 - v_head ELSE coalesce(v_head, 0) END;
    outcome := CASE WHEN v_there = p_stream THEN 'D' WHEN v_there IS NOT NULL THEN 'I' WHEN closed THEN 'X'
        WHEN p_expected = -2 AND version = 0 OR p_expected >= 0 AND p_expected <> version THEN 'C'
        WHEN p_edits >= 0 AND p_edits <> edits THEN 'C' ELSE 'A' END;
    IF outcome = 'A' THEN
        INSERT INTO {es}.events (position, version, recorded_at, stored_at, event_id, schema, stream, category, name,
                metadata, payload)
            VALUES (before + 1, version + 1, p_recorded_at, stored_at, p_id, p_schema, p_stream,
                split_part(p_stream, '-', 1), p_name, p_metadata, p_payload);
    END IF;
END
$body$;
