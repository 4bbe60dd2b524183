-- What keeps the log as it is, and transactions of projections open. Made once: a table waits for all who write to it
-- while a trigger is made, and others wait behind.
CREATE TRIGGER events_stay BEFORE DELETE OR TRUNCATE ON {es}.events
    FOR EACH STATEMENT EXECUTE FUNCTION {es}.refuse();
CREATE TRIGGER events_keep BEFORE UPDATE ON {es}.events FOR EACH ROW
    WHEN ((OLD.position, OLD.version, OLD.recorded_at, OLD.stored_at, OLD.event_id, OLD.schema, OLD.stream,
           OLD.category, OLD.name)
          IS DISTINCT FROM
          (NEW.position, NEW.version, NEW.recorded_at, NEW.stored_at, NEW.event_id, NEW.schema, NEW.stream,
           NEW.category, NEW.name)
          OR NEW.payload IS NOT NULL AND NEW.payload IS DISTINCT FROM OLD.payload)
    EXECUTE FUNCTION {es}.refuse();

-- While a projection is at work, its processor's row is touched, and so the transaction cannot be committed.
CREATE CONSTRAINT TRIGGER nobody_commits_at_work AFTER UPDATE ON {es}.processors
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (current_setting('es.at_work', true) = 'on') EXECUTE FUNCTION {es}.refuse_at_work();
