"""What pages ask of the database: SQL in, frozen dataclasses out; nothing here knows of the web."""
