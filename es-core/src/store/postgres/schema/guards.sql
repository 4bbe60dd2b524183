-- What is in the log stays, whoever asks: of an event, the payload can go, and its metadata with it.
CREATE OR REPLACE FUNCTION {es}.refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    RAISE EXCEPTION 'events stay as they are' USING ERRCODE = 'insufficient_privilege';
END
$body$;
CREATE OR REPLACE TRIGGER events_stay BEFORE DELETE OR TRUNCATE ON {es}.events
    FOR EACH STATEMENT EXECUTE FUNCTION {es}.refuse();
CREATE OR REPLACE TRIGGER events_keep BEFORE UPDATE ON {es}.events FOR EACH ROW
    WHEN ((OLD.position, OLD.version, OLD.recorded_at, OLD.stored_at, OLD.event_id, OLD.schema, OLD.stream,
           OLD.category, OLD.name)
          IS DISTINCT FROM
          (NEW.position, NEW.version, NEW.recorded_at, NEW.stored_at, NEW.event_id, NEW.schema, NEW.stream,
           NEW.category, NEW.name)
          OR NEW.payload IS NOT NULL AND NEW.payload IS DISTINCT FROM OLD.payload)
    EXECUTE FUNCTION {es}.refuse();
