"""Names and ids that mlctl makes."""

import re
import uuid

from mlctl.tracking import run_names, validation


def test_names_have_three_parts():
    names = {run_names.random_name() for _ in range(500)}
    assert len(names) > 450
    for name in names:
        adjective, animal, number = name.split("-")
        assert adjective in run_names.ADJECTIVES
        assert animal in run_names.ANIMALS
        assert 0 <= int(number) < 1000


def test_the_words_are_plain_and_used_once():
    words = run_names.ADJECTIVES + run_names.ANIMALS
    assert len(set(words)) == len(words)
    assert all(re.fullmatch("[a-z]{2,9}", word) for word in words)
    assert min(len(run_names.ADJECTIVES), len(run_names.ANIMALS)) >= 100


def test_ids_are_random_uuids():
    ids = {run_names.random_run_id() for _ in range(1000)}
    assert len(ids) == 1000
    for run_id in ids:
        found = uuid.UUID(run_id)
        assert (found.hex, found.version, found.variant) == (run_id, 4, uuid.RFC_4122)
        validation.run_id(run_id)
