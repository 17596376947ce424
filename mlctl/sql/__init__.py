"""The embedded store: tables, migrations and statements, and SQLite, which holds them."""
