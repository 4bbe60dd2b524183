-- Writes commits behind the end of the log: each of them whole or not at all, whatever becomes of the others.
--
-- A row of `p_` for each part of each commit, in their order; no stream is in two of them. `p_before` are the
-- events of the call before the part, `p_expected` is a version, or -1 for any and -2 for one above 0,
-- `p_edits` is -1 where it is not looked at. A row of `f_` for each commit with a fence, of `e_` for each event.
--
-- Answers the end of the log before the call, the time of what is stored, and for each part what was found: D
-- its first event, I its first event on another stream, X a closed stream, C not as expected, A none of this;
-- with the head of its stream before the call. A commit is stored if all of its parts are A and it is not one
-- of the `fenced`.
CREATE OR REPLACE FUNCTION {es}.append(
    p_commit int[], p_stream text[], p_expected bigint[], p_edits bigint[], p_before int[], p_first uuid[],
    f_commit int[], f_processor text[], f_epoch bigint[],
    e_part int[], e_id uuid[], e_name text[], e_schema smallint[], e_recorded_at bigint[], e_metadata bytea[],
    e_payload bytea[],
    OUT before bigint, OUT stored_at bigint, OUT outcomes text, OUT fenced int[], OUT versions bigint[],
    OUT edits bigint[], OUT closed boolean[]
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
-- A plan may be as old as the connection, and from a time when the log was short.
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $body$
#variable_conflict use_column
DECLARE
    -- By how many positions each part moves up for those before it that are not stored; NULL if it is one.
    v_shift int[];
    v_rejected int[];
    v_skipped int := 0;
    v_parts int := cardinality(p_stream);
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED' USING ERRCODE = 'active_sql_transaction';
    END IF;
    -- In a statement of its own: those behind it see what the last holder has stored.
    PERFORM pg_advisory_xact_lock({fence});
    SELECT position, stored_at INTO before, stored_at FROM {es}.events ORDER BY position DESC LIMIT 1;
    before := coalesce(before, 0);
    stored_at := greatest((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, stored_at);

    SELECT string_agg(CASE WHEN held THEN 'D' WHEN NOT held THEN 'I' WHEN is_closed THEN 'X'
               WHEN expected = -2 AND version = 0 OR expected >= 0 AND expected <> version THEN 'C'
               WHEN known_edits >= 0 AND known_edits <> edits THEN 'C' ELSE 'A' END, ''),
           array_agg(version), array_agg(edits), array_agg(is_closed)
        INTO outcomes, versions, edits, closed
        FROM (SELECT part.expected, part.known_edits,
                there.stream = part.stream AS held,
                coalesce((SELECT event.version FROM {es}.events AS event WHERE event.stream = part.stream
                    ORDER BY event.version DESC LIMIT 1), 0) AS version,
                coalesce(head.edits, 0) AS edits, coalesce(head.is_closed, false) AS is_closed
            FROM unnest(p_stream, p_expected, p_edits, p_first) AS part (stream, expected, known_edits, first)
            LEFT JOIN LATERAL (SELECT streams.edits, streams.closed_at IS NOT NULL AS is_closed
                FROM {es}.streams WHERE streams.stream = part.stream LIMIT 1) AS head ON true
            LEFT JOIN LATERAL (SELECT event.stream
                FROM {es}.events AS event WHERE event.event_id = part.first LIMIT 1) AS there ON true) AS look;

    fenced := '{}';
    FOR i IN 1 .. cardinality(f_commit) LOOP
        -- Nobody takes the lease before this is stored.
        PERFORM FROM {es}.processors WHERE name = f_processor[i] AND epoch = f_epoch[i] AND epoch > 0 FOR SHARE;
        IF NOT FOUND THEN fenced := fenced || f_commit[i]; END IF;
    END LOOP;

    IF outcomes = repeat('A', v_parts) AND cardinality(fenced) = 0 THEN
        v_shift := array_fill(0, ARRAY[v_parts]);
    ELSE
        v_rejected := fenced;
        FOR i IN 1 .. v_parts LOOP
            IF substr(outcomes, i, 1) <> 'A' THEN v_rejected := v_rejected || p_commit[i]; END IF;
        END LOOP;
        FOR i IN 1 .. v_parts LOOP
            IF p_commit[i] = ANY (v_rejected) THEN
                v_shift[i] := NULL;
                v_skipped := v_skipped + coalesce(p_before[i + 1], cardinality(e_part)) - p_before[i];
            ELSE
                v_shift[i] := v_skipped;
            END IF;
        END LOOP;
    END IF;

    INSERT INTO {es}.events (position, version, recorded_at, stored_at, event_id, schema, stream, category, name,
            metadata, payload)
        SELECT before + n - v_shift[part], versions[part] + n - p_before[part], recorded_at, stored_at, id, schema,
            p_stream[part], split_part(p_stream[part], '-', 1), name, metadata, payload
        FROM unnest(e_part, e_id, e_name, e_schema, e_recorded_at, e_metadata, e_payload)
            WITH ORDINALITY AS event (part, id, name, schema, recorded_at, metadata, payload, n)
        WHERE v_shift[part] IS NOT NULL;
END
$body$;
