"""One file a storage format, each with `read_rows(data, engine) -> Rows`."""
