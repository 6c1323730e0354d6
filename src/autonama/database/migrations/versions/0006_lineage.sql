-- The lineage of rows, checked a statement at a time. A foreign key looks up the file of every single row, 3 µs each: a
-- third of the time of a COPY, for one file's id two hundred thousand times. The same is held here by triggers that look
-- each file up once a statement, take the same lock on it, and refuse with the same SQLSTATE.

CREATE FUNCTION ingestion.require_known_files() RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    unknown BIGINT;
BEGIN
    PERFORM FROM ingestion.files
    WHERE id IN (SELECT file_id FROM written WHERE file_id IS NOT NULL GROUP BY file_id) FOR KEY SHARE;
    SELECT file_id INTO unknown FROM (SELECT file_id FROM written WHERE file_id IS NOT NULL GROUP BY file_id) AS named
    WHERE NOT EXISTS (SELECT FROM ingestion.files WHERE id = named.file_id) LIMIT 1;
    IF FOUND THEN
        RAISE foreign_key_violation USING
            MESSAGE = format('file_id %s of %I.%I is no file of the ledger', unknown, TG_TABLE_SCHEMA, TG_TABLE_NAME),
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'file_id',
            CONSTRAINT = TG_TABLE_NAME || '_known_file';
    END IF;
    RETURN NULL;
END
$$;

-- The other side: a file that rows name stays, under its id.
CREATE FUNCTION ingestion.keep_named_files() RETURNS TRIGGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holder TEXT;
    held BIGINT;
BEGIN
    FOREACH holder IN ARRAY TG_ARGV LOOP
        IF TG_OP = 'TRUNCATE' THEN
            EXECUTE format('SELECT file_id FROM trading.%I WHERE file_id IS NOT NULL LIMIT 1', holder) INTO held;
        ELSE
            EXECUTE format('SELECT file_id FROM trading.%I WHERE file_id = $1 LIMIT 1', holder) INTO held USING OLD.id;
        END IF;
        IF held IS NOT NULL THEN
            RAISE foreign_key_violation USING
                MESSAGE = format('rows of trading.%I came from file %s of the ledger', holder, held),
                SCHEMA = 'trading', TABLE = holder, COLUMN = 'file_id', CONSTRAINT = holder || '_known_file';
        END IF;
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD WHEN 'UPDATE' THEN NEW END;
END
$$;

DO $$
DECLARE
    holder TEXT;
    name TEXT;
BEGIN
    FOREACH holder IN ARRAY ARRAY['alerts', 'vectorbt_analysis', 'enhanced_analysis', 'sweep_results'] LOOP
        FOR name IN SELECT conname FROM pg_constraint
            WHERE conrelid = format('trading.%I', holder)::regclass AND confrelid = 'ingestion.files'::regclass
        LOOP
            EXECUTE format('ALTER TABLE trading.%I DROP CONSTRAINT %I', holder, name);
        END LOOP;
        EXECUTE format(
            'CREATE TRIGGER known_file_of_new AFTER INSERT ON trading.%I REFERENCING NEW TABLE AS written
             FOR EACH STATEMENT EXECUTE FUNCTION ingestion.require_known_files()', holder);
        EXECUTE format(
            'CREATE TRIGGER known_file_of_changed AFTER UPDATE ON trading.%I REFERENCING NEW TABLE AS written
             FOR EACH STATEMENT EXECUTE FUNCTION ingestion.require_known_files()', holder);
    END LOOP;
END
$$;

CREATE TRIGGER named_file_stays BEFORE DELETE OR UPDATE OF id ON ingestion.files
FOR EACH ROW EXECUTE FUNCTION
    ingestion.keep_named_files('alerts', 'vectorbt_analysis', 'enhanced_analysis', 'sweep_results');
CREATE TRIGGER named_files_stay AFTER TRUNCATE ON ingestion.files
FOR EACH STATEMENT EXECUTE FUNCTION
    ingestion.keep_named_files('alerts', 'vectorbt_analysis', 'enhanced_analysis', 'sweep_results');
