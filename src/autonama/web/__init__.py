"""The dashboard: what changed, how old it is, and which rows look wrong. It reads and never writes."""
