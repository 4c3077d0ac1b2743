"""EVIDENCE → CASE: what officers work on, kept in the database. Nothing here needs a picture or a GPU."""
