-- What is in the log stays, whoever asks: of an event, the payload can go, and its metadata with it.
CREATE OR REPLACE FUNCTION {es}.refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    RAISE EXCEPTION 'events stay as they are' USING ERRCODE = 'insufficient_privilege';
END
$body$;
