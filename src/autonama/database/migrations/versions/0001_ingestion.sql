-- The ledger: what was ingested, when, from which bytes, with which outcome.

CREATE TABLE ingestion.runs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    engine TEXT NOT NULL,
    status TEXT NOT NULL CHECK (
        status IN ('running', 'published', 'rejected', 'partial', 'nothing_new', 'failed', 'interrupted')),
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    finished_at TIMESTAMPTZ,
    package_version TEXT NOT NULL,
    options JSONB NOT NULL DEFAULT '{}',
    cleanup JSONB NOT NULL DEFAULT '{}',
    error TEXT
);

CREATE TABLE ingestion.files (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id BIGINT NOT NULL REFERENCES ingestion.runs,
    engine TEXT NOT NULL,
    set_name TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    format TEXT NOT NULL,
    -- Of the content after decompression; empty only for a file that could not be read, which cannot be published.
    sha256 TEXT NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$' OR (sha256 = '' AND status = 'rejected')),
    size BIGINT NOT NULL,
    modified_at TIMESTAMPTZ NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('published', 'companion', 'rejected')),
    -- On a companion: the file of the same set whose rows were published in its stead.
    primary_id BIGINT REFERENCES ingestion.files,
    ruleset TEXT NOT NULL,
    rows_read BIGINT NOT NULL DEFAULT 0,
    rows_inserted BIGINT NOT NULL DEFAULT 0,
    rows_updated BIGINT NOT NULL DEFAULT 0,
    rows_unchanged BIGINT NOT NULL DEFAULT 0,
    rows_quarantined BIGINT NOT NULL DEFAULT 0,
    alerts_inserted BIGINT NOT NULL DEFAULT 0,
    alerts_updated BIGINT NOT NULL DEFAULT 0,
    alerts_unchanged BIGINT NOT NULL DEFAULT 0,
    issue_counts JSONB NOT NULL DEFAULT '{}',
    notes JSONB NOT NULL DEFAULT '[]',
    recorded_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    elapsed_s DOUBLE PRECISION,
    -- No row that was read may vanish.
    CONSTRAINT conservation CHECK (
        status <> 'published' OR rows_read = rows_inserted + rows_updated + rows_unchanged + rows_quarantined)
);

-- The same bytes are published once. A rejected file may come again: a rule or a setting may have changed.
CREATE UNIQUE INDEX files_once ON ingestion.files (engine, sha256) WHERE status IN ('published', 'companion');
-- The files of one run.
CREATE INDEX files_run ON ingestion.files (run_id);
-- The versions of one result set.
CREATE INDEX files_set ON ingestion.files (engine, set_name);

CREATE TABLE ingestion.issues (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id BIGINT NOT NULL REFERENCES ingestion.files ON DELETE CASCADE,
    code TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('error', 'warning')),
    row_number INTEGER,
    line_number INTEGER,
    column_name TEXT,
    value TEXT,
    message TEXT NOT NULL,
    rows INTEGER[]
);

-- The findings of a file, or of one of its rows, in the file's order.
CREATE INDEX issues_file ON ingestion.issues (file_id, row_number);

CREATE TABLE ingestion.quarantine (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_id BIGINT NOT NULL REFERENCES ingestion.files,
    row_number INTEGER NOT NULL,
    line_number INTEGER,
    original TEXT NOT NULL,
    reasons TEXT[] NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (file_id, row_number)
);

-- Rows of an older database that a key or CHECK of this one refuses: kept whole, with the reason.
CREATE TABLE ingestion.adopted_rows (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name TEXT NOT NULL,
    old_id BIGINT,
    reason TEXT NOT NULL,
    row_data JSONB NOT NULL,
    moved_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
