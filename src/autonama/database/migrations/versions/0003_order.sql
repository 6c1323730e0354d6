-- Which of two sets counts where both say something of the same symbol, interval and time.

-- A file's set; '' where the file is not known. Sets are ordered by their names' bytes, and those of one engine differ
-- in the time within. VOLATILE, so that a merge sees the files of whoever committed while it waited for their rows.
CREATE FUNCTION ingestion.set_of(file BIGINT) RETURNS TEXT LANGUAGE sql VOLATILE AS $$
    SELECT coalesce((SELECT set_name FROM ingestion.files WHERE id = file), '') COLLATE "C"
$$;
