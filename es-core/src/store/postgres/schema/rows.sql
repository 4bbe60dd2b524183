-- Rows of projections. Each build has a schema of its own; readers see the live ones through views in another.
CREATE TABLE IF NOT EXISTS {es}.views (
    name  text COLLATE "C" PRIMARY KEY,
    build text COLLATE "C" NOT NULL
);

-- The name of a schema that belongs to this one. A long one is cut, and ends with a hash.
CREATE OR REPLACE FUNCTION {es}.beside(p_end text) RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    v_name text;
    v_cut text;
BEGIN
    SELECT space.nspname || p_end INTO STRICT v_name
        FROM {es}.meta AS meta JOIN pg_class AS class ON class.oid = meta.tableoid
        JOIN pg_namespace AS space ON space.oid = class.relnamespace LIMIT 1;
    IF octet_length(v_name) <= 63 THEN RETURN v_name; END IF;
    v_cut := v_name;
    WHILE octet_length(v_cut) > 46 LOOP v_cut := left(v_cut, -1); END LOOP;
    RETURN v_cut || '~' || left(encode(sha256(convert_to(v_name, 'UTF8')), 'hex'), 16);
END
$body$;

-- The schema of a build: between the names stands what is in no name of a projection.
CREATE OR REPLACE FUNCTION {es}.of_build(p_build text) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $body$
    SELECT {es}.beside('__' || p_build)
$body$;

CREATE OR REPLACE FUNCTION {es}.has_build(p_build text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $body$
    SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = {es}.of_build(p_build))
$body$;

-- The roles that were given a schema, of those in whose name this session can work; none for its owner.
CREATE OR REPLACE FUNCTION {es}.givens(p_space text) RETURNS SETOF text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $body$
    SELECT given.rolname::text
    FROM pg_namespace AS space, aclexplode(space.nspacl) AS allowed JOIN pg_roles AS given ON given.oid = allowed.grantee
    WHERE space.nspname = p_space AND allowed.privilege_type = 'CREATE'
        AND NOT pg_has_role(session_user, space.nspowner, 'MEMBER')
        AND pg_has_role(session_user, given.oid,
            CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)
$body$;

-- In whose name a session works in a build: that of the role which was given it, where the session's own is a member
-- of that one, so that whatever is made there belongs to all members. `none` is in its own.
CREATE OR REPLACE FUNCTION {es}.worker(p_build text) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $body$
    SELECT coalesce((
        SELECT nullif(role, session_user) FROM {es}.givens({es}.of_build(p_build)) AS role
        ORDER BY role = session_user, role LIMIT 1), 'none')
$body$;

-- Lets a role show tables to readers.
CREATE OR REPLACE FUNCTION {es}.let_show(p_role text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', {es}.beside('_rows'), p_role);
END
$body$;

-- The app's role makes and drops schemas of builds, and no others.
CREATE OR REPLACE FUNCTION {es}.make_build(p_build text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    v_space text := {es}.of_build(p_build);
    v_roles text;
BEGIN
    -- Another process may have been faster.
    IF {es}.has_build(p_build) THEN RETURN; END IF;
    EXECUTE format('CREATE SCHEMA %I', v_space);
    -- Whoever may show tables may keep them.
    SELECT string_agg(quote_ident(role), ', ') INTO v_roles FROM {es}.givens({es}.beside('_rows')) AS role;
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %s', v_space, coalesce(v_roles, quote_ident(session_user)));
END
$body$;

-- Drops what a build has made. What somebody else's tables or views refer to stays, and the build with it.
CREATE OR REPLACE FUNCTION {es}.drop_build(p_build text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    v_name text := {es}.of_build(p_build);
    v_space oid;
    v_what text;
    v_kinds text;
    v_list text;
BEGIN
    SELECT oid INTO v_space FROM pg_namespace WHERE nspname = v_name;
    IF NOT FOUND THEN RETURN; END IF;
    FOR v_what, v_kinds IN
        VALUES ('VIEW', 'v'), ('MATERIALIZED VIEW', 'm'), ('TABLE', 'rp'), ('SEQUENCE', 'S')
    LOOP
        SELECT string_agg(format('%I.%I', v_name, relname), ', ') INTO v_list FROM pg_class
            WHERE relnamespace = v_space AND strpos(v_kinds, relkind::text) > 0 AND NOT relispartition;
        IF v_list IS NOT NULL THEN EXECUTE format('DROP %s %s', v_what, v_list); END IF;
    END LOOP;
    SELECT string_agg(oid::regprocedure::text, ', ') INTO v_list FROM pg_proc WHERE pronamespace = v_space;
    IF v_list IS NOT NULL THEN EXECUTE 'DROP ROUTINE ' || v_list; END IF;
    SELECT string_agg(format('%I.%I', v_name, typname), ', ') INTO v_list FROM pg_type
        WHERE typnamespace = v_space AND typtype IN ('c', 'd', 'e', 'r')
        AND (typrelid = 0 OR EXISTS (SELECT FROM pg_class WHERE pg_class.oid = typrelid AND relkind = 'c'));
    IF v_list IS NOT NULL THEN EXECUTE 'DROP TYPE ' || v_list; END IF;
    EXECUTE format('DROP SCHEMA %I', v_name);
END
$body$;

-- Lets readers see a build's table under its own name; false if something else has that name. A view that keeps
-- its columns keeps its rights.
CREATE OR REPLACE FUNCTION {es}.show(p_table text, p_build text) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    v_view text := format('%I.%I', {es}.beside('_rows'), p_table);
    v_select text := format('VIEW %s AS SELECT * FROM %I.%I', v_view, {es}.of_build(p_build), p_table);
    v_numbers text := '_[0-9]+_[0-9]+$';
    v_shown text;
BEGIN
    SELECT build INTO v_shown FROM {es}.views WHERE name = p_table FOR UPDATE;
    IF v_shown IS NULL AND to_regclass(v_view) IS NOT NULL
        OR regexp_replace(v_shown, v_numbers, '') <> regexp_replace(p_build, v_numbers, '')
    THEN RETURN false; END IF;
    BEGIN
        EXECUTE 'CREATE OR REPLACE ' || v_select;
    EXCEPTION WHEN invalid_table_definition THEN
        EXECUTE 'DROP VIEW ' || v_view;
        EXECUTE 'CREATE ' || v_select;
    END;
    INSERT INTO {es}.views (name, build) VALUES (p_table, p_build)
        ON CONFLICT (name) DO UPDATE SET build = excluded.build;
    RETURN true;
END
$body$;

CREATE OR REPLACE FUNCTION {es}.hide(p_table text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    DELETE FROM {es}.views WHERE name = p_table;
    IF FOUND THEN EXECUTE format('DROP VIEW IF EXISTS %I.%I', {es}.beside('_rows'), p_table); END IF;
END
$body$;

-- For the trigger that keeps a transaction open while a projection is at work in it.
CREATE OR REPLACE FUNCTION {es}.refuse_at_work() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF current_setting('es.at_work', true) = 'on' THEN
        RAISE EXCEPTION 'a projection does not end the transaction that it is given'
            USING ERRCODE = 'invalid_transaction_termination';
    END IF;
    RETURN NULL;
END
$body$;

DO $body$
DECLARE
    v_rows text := {es}.beside('_rows');
BEGIN
    -- `IF NOT EXISTS` wants the right to create one, even where there is one.
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = v_rows) THEN
        EXECUTE format('CREATE SCHEMA %I', v_rows);
    END IF;
END
$body$;
