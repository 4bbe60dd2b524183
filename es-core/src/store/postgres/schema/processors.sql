-- Writes documents and the checkpoint under a lease: all of it, or nothing. The documents stand in `d_` by their
-- columns, each of them once; a revision that is null is not looked at, a body that is null deletes. A `p_from`
-- that is null is not looked at, a `p_to` that is null goes nowhere.
--
-- Answers 0 if it is done, or was before; -1 if the lease is somebody else's, -2 if the processor is not where
-- this begins, or else the number of the first document that has changed. It takes the processor first, then the
-- documents that are there, and then adds the others, both in the order of their keys, so that two over the same
-- documents come one behind the other. Where somebody adds one of them in between, it may fail by a
-- serialization failure or a deadlock, and is to be sent again.
CREATE OR REPLACE FUNCTION {es}.advance(
    p_name text, p_epoch bigint, p_from bigint, p_from_event uuid, p_to bigint, p_to_event uuid,
    d_collection text[], d_key text[], d_revision bigint[], d_position bigint[], d_body bytea[]
) RETURNS int LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
-- A plan may be as old as the connection, and from a time when there were few documents.
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $body$
#variable_conflict use_column
DECLARE
    v_position bigint;
    v_event uuid;
    v_all int := cardinality(d_key);
    v_known int := 0;
    v_refused int;
    v_deleted int;
    v_done int := 0;
    v_count int;
BEGIN
    SELECT position, event_id INTO v_position, v_event FROM {es}.processors
        WHERE name = p_name AND epoch = p_epoch AND epoch > 0 FOR UPDATE;
    IF NOT FOUND THEN RETURN -1; END IF;
    IF p_from IS NOT NULL AND (p_from, p_from_event) IS DISTINCT FROM (v_position, v_event) THEN RETURN -2; END IF;

    IF v_all > 0 THEN
        PERFORM FROM unnest(d_collection, d_key) AS write (collection, key)
            JOIN {es}.documents AS stored USING (collection, key)
            ORDER BY stored.collection, stored.key FOR UPDATE OF stored;
        GET DIAGNOSTICS v_known = ROW_COUNT;

        -- In statements of their own: they see the documents as those before have left them.
        SELECT min(n) FILTER (WHERE NOT is_written), count(*) FILTER (WHERE is_written AND body IS NOT NULL)
            INTO v_refused, v_done
            FROM (SELECT n, write.body, CASE WHEN write.body IS NULL THEN stored.revision IS NULL
                    ELSE coalesce(stored.revision = write.revision + 1 AND stored.position = write.position
                        AND stored.body = write.body, false) END AS is_written
                FROM unnest(d_collection, d_key, d_revision, d_position, d_body)
                    WITH ORDINALITY AS write (collection, key, revision, position, body, n)
                LEFT JOIN {es}.documents AS stored USING (collection, key)
                WHERE write.revision <> coalesce(stored.revision, 0)) AS differing;
        IF v_refused IS NOT NULL THEN RETURN v_refused; END IF;

        IF v_known > 0 THEN
            DELETE FROM {es}.documents AS stored USING unnest(d_collection, d_key, d_body) AS write (collection, key, body)
                WHERE stored.collection = write.collection AND stored.key = write.key AND write.body IS NULL;
            UPDATE {es}.documents AS stored
                SET revision = stored.revision + 1, position = write.position, body = write.body
                FROM unnest(d_collection, d_key, d_revision, d_position, d_body)
                    AS write (collection, key, revision, position, body)
                WHERE stored.collection = write.collection AND stored.key = write.key AND write.body IS NOT NULL
                    AND coalesce(write.revision, stored.revision) = stored.revision;
            GET DIAGNOSTICS v_count = ROW_COUNT;
            v_done := v_done + v_count;
        END IF;

        SELECT count(*) INTO v_all FROM unnest(d_body) AS write (body) WHERE body IS NOT NULL;
        IF v_done < v_all THEN
            INSERT INTO {es}.documents (collection, key, revision, position, body)
                SELECT collection, key, 1, position, body
                FROM unnest(d_collection, d_key, d_position, d_body) AS write (collection, key, position, body)
                WHERE body IS NOT NULL AND NOT EXISTS (SELECT FROM {es}.documents AS stored
                    WHERE stored.collection = write.collection AND stored.key = write.key)
                ORDER BY collection, key
                ON CONFLICT DO NOTHING;
            GET DIAGNOSTICS v_count = ROW_COUNT;
            IF v_done + v_count < v_all THEN
                -- Somebody has added one of them meanwhile. To hold that one, too, all of it is begun again.
                RAISE EXCEPTION 'a document was added' USING ERRCODE = 'serialization_failure';
            END IF;
        END IF;
    END IF;

    UPDATE {es}.processors SET position = p_to, event_id = p_to_event WHERE name = p_name AND position <= p_to;
    RETURN 0;
END
$body$;
