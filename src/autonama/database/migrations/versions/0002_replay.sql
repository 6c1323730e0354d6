-- What a replay needs: the text that names a CSV row's fields, and where a row that was put aside went in the end.

ALTER TABLE ingestion.files
    -- The header of a CSV file as it stands there. Null for other formats, and for files entered before this revision.
    ADD COLUMN header TEXT,
    -- On a replay: the file whose quarantined rows were judged again.
    ADD COLUMN replay_of BIGINT REFERENCES ingestion.files;

ALTER TABLE ingestion.quarantine
    -- The ledger's entry that published the row; null while it is in quarantine.
    ADD COLUMN replayed_by BIGINT REFERENCES ingestion.files,
    ADD COLUMN replayed_at TIMESTAMPTZ,
    ADD CONSTRAINT quarantine_replayed CHECK ((replayed_by IS NULL) = (replayed_at IS NULL));

-- What is in quarantine.
CREATE INDEX quarantine_open ON ingestion.quarantine (file_id, row_number) WHERE replayed_by IS NULL;
-- The replays of a file.
CREATE INDEX files_replay ON ingestion.files (replay_of) WHERE replay_of IS NOT NULL;
