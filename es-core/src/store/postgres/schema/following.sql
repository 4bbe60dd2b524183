-- What follows the log. A processor's `epoch` is that of its last lease, 0 once that was given back; `leases`
-- gives them. Leases end by the database's clock.
CREATE SEQUENCE {es}.leases;
CREATE TABLE {es}.processors (
    name        text COLLATE "C" PRIMARY KEY,
    position    bigint NOT NULL,
    event_id    uuid,
    owner       uuid,
    epoch       bigint NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    lease_for   interval NOT NULL DEFAULT '0'
) WITH (fillfactor = 50);
CREATE TABLE {es}.documents (
    collection text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    revision   bigint NOT NULL,
    position   bigint NOT NULL,
    body       bytea  NOT NULL,
    PRIMARY KEY (collection, key)
) WITH (fillfactor = 80);
