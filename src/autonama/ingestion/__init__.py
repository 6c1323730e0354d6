"""The way of a result file: discover, read, validate, publish, report. `pipeline` has the stages in order."""
