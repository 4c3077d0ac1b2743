"""Tables, migrations, and the one way to open the case database (SQLite by default, PostgreSQL by URL)."""
