"""One file a storage format, each with a function that makes rows of texts of a file's content."""
