"""What can be searched for: the names that a filter may use, their operators, and what they are compared with."""

from typing import Dict, FrozenSet, NamedTuple, Tuple

COMPARED = ("=", "!=", "<", "<=", ">", ">=")
NULL = ("IS NULL", "IS NOT NULL")
NEGATED = ("IN", "BETWEEN", "LIKE", "ILIKE", "RLIKE")
"""Operators that may have a NOT before them."""

AGGREGATES = ("min", "max", "mean", "first", "last", "count")
"""What may be asked of all points of a metric."""

_TEXT = ("=", "!=", "LIKE", "ILIKE", "RLIKE", "IN", *NULL)
_NUMBER = (*COMPARED, "BETWEEN", "IN", *NULL)
_MOMENT = (*COMPARED, "BETWEEN", *NULL)


class Field(NamedTuple):
    """What can be asked of a field: its operators, and the kind of what it is compared with.

    Kinds: ``text`` and ``digits`` (an integer) in quotes; ``number``; ``count`` (an integer, in quotes or without);
    ``either`` (a text in quotes, a number without); ``time`` and ``integer time`` in ms, ``span`` of time in ms.
    """

    operators: Tuple[str, ...]
    kind: str


class Grammar(NamedTuple):
    """The language of one kind of entity.

    ``entities`` maps what may stand before the dot to an entity; ``open`` are entities whose keys the user chose; ``fields`` are the
    fixed keys of the others. ``aliases`` are other spellings of attributes, ``sortable`` what ``order_by`` takes.
    """

    noun: str
    entities: Dict[str, str]
    open: Dict[str, Field]
    fields: Dict[str, Dict[str, Field]]
    aliases: Dict[str, str]
    sortable: FrozenSet[str]


_WORDS = Field(_TEXT, "text")
_KEYED = Field(tuple(dict.fromkeys(_TEXT + _NUMBER)), "either")
_TIME = Field(_MOMENT, "time")
_INTEGER_TIME = Field(_MOMENT, "integer time")
_CREATED = ("created", "Created")

RUNS = Grammar(
    noun="run",
    entities={
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("parameter", "parameters", "param", "params"), "param"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
        **dict.fromkeys(("dataset", "datasets"), "dataset"),
    },
    open={"metric": Field(_NUMBER, "number"), "param": _KEYED, "tag": _KEYED},
    fields={
        "attribute": {
            **dict.fromkeys(("run_id", "run_name", "status", "user_id", "artifact_uri"), _WORDS),
            **dict.fromkeys(("start_time", "end_time"), _TIME),
            "duration": Field(_MOMENT, "span"),
        },
        "dataset": dict.fromkeys(("name", "digest", "context"), _WORDS),
    },
    aliases={
        **dict.fromkeys(_CREATED, "start_time"),
        **dict.fromkeys(("run name", "Run name", "Run Name"), "run_name"),
    },
    sortable=frozenset(
        (
            *("metric", "param", "tag", "run_id", "run_name", "status", "user_id", "artifact_uri"),
            *("start_time", "end_time", "duration", *_CREATED),
        )
    ),
)

EXPERIMENTS = Grammar(
    noun="experiment",
    entities={"attribute": "attribute", "tag": "tag", "tags": "tag"},
    open={"tag": _KEYED},
    fields={
        "attribute": {
            "name": _WORDS,
            "experiment_id": Field(("=", "!=", "IN", *NULL), "digits"),
            **dict.fromkeys(("creation_time", "last_update_time"), _INTEGER_TIME),
        }
    },
    aliases={},
    sortable=frozenset(("name", "experiment_id", "creation_time", "last_update_time")),
)

LOGGED_MODELS = Grammar(
    noun="model",
    entities={
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("parameter", "parameters", "param", "params"), "param"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes"), "attribute"),
    },
    open={"metric": Field(_NUMBER, "number"), "param": _KEYED, "tag": _KEYED},
    fields={
        "attribute": {
            **dict.fromkeys(("model_id", "name", "model_type", "status", "source_run_id"), _WORDS),
            "experiment_id": Field(("=", "!=", "IN", *NULL), "digits"),
            **dict.fromkeys(("creation_timestamp_ms", "last_updated_timestamp_ms"), _TIME),
        }
    },
    aliases={
        **dict.fromkeys(("creation_time", "creation_timestamp"), "creation_timestamp_ms"),
        "last_updated_timestamp": "last_updated_timestamp_ms",
    },
    sortable=frozenset(),
)

_REGISTRY_ENTITIES = {
    **dict.fromkeys(("attribute", "attributes"), "attribute"),
    **dict.fromkeys(("tag", "tags"), "tag"),
}

REGISTERED_MODELS = Grammar(
    noun="registered model",
    entities=_REGISTRY_ENTITIES,
    open={"tag": _KEYED},
    fields={"attribute": {"name": _WORDS, **dict.fromkeys(("creation_timestamp", "last_updated_timestamp"), _TIME)}},
    aliases={"timestamp": "last_updated_timestamp"},
    sortable=frozenset(("name", "timestamp", "creation_timestamp", "last_updated_timestamp")),
)

MODEL_VERSIONS = Grammar(
    noun="model version",
    entities=_REGISTRY_ENTITIES,
    open={"tag": _KEYED},
    fields={
        "attribute": {
            **dict.fromkeys(("name", "run_id", "source_path", "current_stage", "model_id", "user_id"), _WORDS),
            "version_number": Field(_NUMBER, "count"),
            **dict.fromkeys(("creation_timestamp", "last_updated_timestamp"), _TIME),
        }
    },
    aliases={"stage": "current_stage", "version": "version_number", "source": "source_path"},
    sortable=frozenset(("name", "version_number", "version", "creation_timestamp", "last_updated_timestamp", "stage", "current_stage")),
)
