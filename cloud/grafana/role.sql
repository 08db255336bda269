-- What Grafana may read, and nothing else: no keys, no payloads of refused messages.
-- Run once in the Cloud's database as its owner; give the role its password by \password grafana.
DO $$ BEGIN
    CREATE ROLE grafana LOGIN;
EXCEPTION WHEN duplicate_object THEN NULL;  -- of another database of this server
END $$;
GRANT SELECT ON reading, rollup, counter, process, readings, energy_15min TO grafana;
GRANT SELECT (id, name, label, household, concentrator, time, seq, suspect, medium) ON meter TO grafana;
GRANT SELECT (id, received, topic, reason, size) ON dead_letter TO grafana;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '10s';
