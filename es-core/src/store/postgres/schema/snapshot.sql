-- Keeps a snapshot, if its stream was not edited since it was taken, and it is not older than the one that is
-- there. Edits hold the lock of the log alone: behind one of them, nothing of what it took away is kept again.
-- A snapshot that a power loss takes is no loss, so that nobody waits for the disk under that lock.
CREATE OR REPLACE FUNCTION {es}.save_snapshot(
    p_stream text, p_fingerprint bigint, p_version bigint, p_position bigint, p_recorded_at bigint,
    p_edits bigint, p_payload bytea
) RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock_shared({fence});
    INSERT INTO {es}.snapshots AS known (stream, fingerprint, version, position, recorded_at, edits, payload)
        SELECT p_stream, p_fingerprint, p_version, p_position, p_recorded_at, p_edits, p_payload
        WHERE coalesce((SELECT edits FROM {es}.streams WHERE stream = p_stream), 0) = p_edits
        ON CONFLICT (stream) DO UPDATE SET
            fingerprint = excluded.fingerprint, version = excluded.version, position = excluded.position,
            recorded_at = excluded.recorded_at, edits = excluded.edits, payload = excluded.payload
        WHERE known.fingerprint <> excluded.fingerprint OR known.version < excluded.version;
END
$body$;
