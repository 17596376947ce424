"""The tables, as numbered migrations in SQL, with the words in which dialects differ left open.

docs/store.md says which question each table and index answers. A migration is never edited once it has been released: a change is
another row at the end.
"""

from typing import Dict, List, NamedTuple, Tuple

APPLICATION_ID = 0x6D6C6374
"""What an SQLite file of ours carries in its header: the letters ``mlct``."""

VALUE_PREFIX = 64
"""Characters of a param's or tag's value that its index holds: enough for hashes and ids, safe for values of 8000 characters."""


class Migration(NamedTuple):
    """One step: the version that a database has afterwards, and its statements."""

    version: int
    statements: Tuple[str, ...]


SQLITE: Dict[str, str] = {"id": "INTEGER PRIMARY KEY", "fresh_id": "INTEGER PRIMARY KEY AUTOINCREMENT", "clustered": "WITHOUT ROWID"}
"""SQLite's words. ``fresh_id`` never gives an id a second time, ``clustered`` keeps rows in the order of their primary key."""

MIGRATIONS: List[Migration] = [
    Migration(
        1,
        (
            """CREATE TABLE experiments (
                id {fresh_id},
                name TEXT NOT NULL UNIQUE,
                artifact_location TEXT NOT NULL,
                created_ms BIGINT NOT NULL,
                updated_ms BIGINT NOT NULL,
                deleted_ms BIGINT NOT NULL DEFAULT 0
            )""",
            """CREATE TABLE experiment_tags (
                experiment_id BIGINT NOT NULL,
                key TEXT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (experiment_id, key)
            ) {clustered}""",
            """CREATE TABLE keys (
                id {id},
                name TEXT NOT NULL UNIQUE
            )""",
            """CREATE TABLE runs (
                id {id},
                run_id TEXT NOT NULL UNIQUE,
                experiment_id BIGINT NOT NULL,
                name TEXT NOT NULL,
                user_id TEXT NOT NULL,
                status INTEGER NOT NULL,
                start_ms BIGINT NOT NULL,
                end_ms BIGINT,
                deleted_ms BIGINT NOT NULL DEFAULT 0,
                version BIGINT NOT NULL DEFAULT 0
            )""",
            "CREATE INDEX runs_newest ON runs (experiment_id, deleted_ms, start_ms DESC, run_id)",
            """CREATE TABLE params (
                run BIGINT NOT NULL,
                key BIGINT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (run, key)
            ) {clustered}""",
            f"CREATE INDEX params_value ON params (key, (substr(value, 1, {VALUE_PREFIX})))",
            """CREATE TABLE tags (
                run BIGINT NOT NULL,
                key BIGINT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (run, key)
            ) {clustered}""",
            f"CREATE INDEX tags_value ON tags (key, (substr(value, 1, {VALUE_PREFIX})))",
            """CREATE TABLE metrics (
                run BIGINT NOT NULL,
                key BIGINT NOT NULL,
                timestamp_ms BIGINT NOT NULL,
                step BIGINT NOT NULL,
                value DOUBLE PRECISION NOT NULL,
                nan INTEGER NOT NULL,
                PRIMARY KEY (run, key, timestamp_ms, step, value, nan)
            ) {clustered}""",
            """CREATE TABLE latest (
                run BIGINT NOT NULL,
                key BIGINT NOT NULL,
                step BIGINT NOT NULL,
                timestamp_ms BIGINT NOT NULL,
                value DOUBLE PRECISION NOT NULL,
                nan INTEGER NOT NULL,
                PRIMARY KEY (run, key)
            ) {clustered}""",
            "CREATE INDEX latest_value ON latest (key, nan, value)",
            """CREATE TABLE owners (
                run {id},
                host TEXT NOT NULL,
                boot_id TEXT NOT NULL,
                pid BIGINT NOT NULL,
                pid_started BIGINT NOT NULL,
                heartbeat_ms BIGINT NOT NULL,
                stop_requested INTEGER NOT NULL
            )""",
        ),
    ),
    Migration(
        2,
        (
            """CREATE TABLE datasets (
                id {id},
                experiment_id BIGINT NOT NULL,
                name TEXT NOT NULL,
                digest TEXT NOT NULL,
                source_type TEXT NOT NULL,
                source TEXT NOT NULL,
                schema TEXT NOT NULL,
                profile TEXT NOT NULL,
                UNIQUE (experiment_id, name, digest)
            )""",
            "CREATE INDEX datasets_name ON datasets (name)",
            """CREATE TABLE inputs (
                run BIGINT NOT NULL,
                dataset BIGINT NOT NULL,
                PRIMARY KEY (run, dataset)
            ) {clustered}""",
            "CREATE INDEX inputs_dataset ON inputs (dataset, run)",
            """CREATE TABLE input_tags (
                run BIGINT NOT NULL,
                dataset BIGINT NOT NULL,
                key TEXT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (run, dataset, key)
            ) {clustered}""",
            """CREATE TABLE model_inputs (
                run BIGINT NOT NULL,
                model_id TEXT NOT NULL,
                PRIMARY KEY (run, model_id)
            ) {clustered}""",
            """CREATE TABLE model_outputs (
                run BIGINT NOT NULL,
                model_id TEXT NOT NULL,
                step BIGINT NOT NULL,
                PRIMARY KEY (run, model_id)
            ) {clustered}""",
        ),
    ),
    Migration(
        3,
        (
            """CREATE TABLE logged_models (
                id {id},
                model_id TEXT NOT NULL UNIQUE,
                experiment_id BIGINT NOT NULL,
                name TEXT NOT NULL,
                model_type TEXT NOT NULL,
                source_run_id TEXT NOT NULL,
                status INTEGER NOT NULL,
                status_message TEXT NOT NULL DEFAULT '',
                created_ms BIGINT NOT NULL,
                updated_ms BIGINT NOT NULL,
                deleted_ms BIGINT NOT NULL DEFAULT 0
            )""",
            "CREATE INDEX logged_models_newest ON logged_models (experiment_id, deleted_ms, created_ms DESC, model_id)",
            "CREATE INDEX logged_models_run ON logged_models (source_run_id)",
            """CREATE TABLE logged_model_params (
                model BIGINT NOT NULL,
                key BIGINT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (model, key)
            ) {clustered}""",
            """CREATE TABLE logged_model_tags (
                model BIGINT NOT NULL,
                key BIGINT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (model, key)
            ) {clustered}""",
            """CREATE TABLE logged_model_metrics (
                model BIGINT NOT NULL,
                key BIGINT NOT NULL,
                timestamp_ms BIGINT NOT NULL,
                step BIGINT NOT NULL,
                run BIGINT NOT NULL,
                dataset_name TEXT NOT NULL,
                dataset_digest TEXT NOT NULL,
                value DOUBLE PRECISION NOT NULL,
                nan INTEGER NOT NULL,
                PRIMARY KEY (model, key, timestamp_ms, step, run, dataset_name, dataset_digest, value, nan)
            ) {clustered}""",
        ),
    ),
    Migration(
        4,
        (
            """CREATE TABLE registered_models (
                id {fresh_id},
                name TEXT NOT NULL UNIQUE,
                description TEXT,
                created_ms BIGINT NOT NULL,
                updated_ms BIGINT NOT NULL
            )""",
            """CREATE TABLE registered_model_tags (
                model BIGINT NOT NULL,
                key BIGINT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (model, key)
            ) {clustered}""",
            """CREATE TABLE registered_model_aliases (
                model BIGINT NOT NULL,
                alias TEXT NOT NULL,
                version BIGINT NOT NULL,
                PRIMARY KEY (model, alias)
            ) {clustered}""",
            """CREATE TABLE model_versions (
                id {id},
                model BIGINT NOT NULL,
                version BIGINT NOT NULL,
                stage INTEGER NOT NULL,
                description TEXT,
                user_id TEXT NOT NULL,
                source TEXT NOT NULL,
                location TEXT NOT NULL,
                run_id TEXT NOT NULL,
                run_link TEXT NOT NULL,
                model_id TEXT NOT NULL,
                created_ms BIGINT NOT NULL,
                updated_ms BIGINT NOT NULL,
                deleted_ms BIGINT NOT NULL DEFAULT 0,
                UNIQUE (model, version)
            )""",
            "CREATE INDEX model_versions_stage ON model_versions (model, deleted_ms, stage, version)",
            "CREATE INDEX model_versions_newest ON model_versions (deleted_ms, updated_ms DESC, model)",
            "CREATE INDEX model_versions_run ON model_versions (run_id)",
            """CREATE TABLE model_version_tags (
                version BIGINT NOT NULL,
                key BIGINT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (version, key)
            ) {clustered}""",
            """CREATE TABLE registry_events (
                id {fresh_id},
                model BIGINT NOT NULL,
                version BIGINT,
                at_ms BIGINT NOT NULL,
                user_id TEXT NOT NULL,
                action TEXT NOT NULL,
                old TEXT NOT NULL,
                new TEXT NOT NULL
            )""",
            "CREATE INDEX registry_events_model ON registry_events (model, id)",
        ),
    ),
]

FIRST_ROWS = "INSERT INTO experiments (id, name, artifact_location, created_ms, updated_ms) VALUES (0, 'Default', '', ?, ?)"
"""The experiment of runs that name none, there from the start; both marks are the time of creation in ms."""


def statements(migration: Migration, dialect: Dict[str, str]) -> List[str]:
    """The statements of a migration in a dialect's words."""
    return [statement.format(**dialect) for statement in migration.statements]
