"""Limits that need no store. What a store refuses is in the conformance suite."""

import base64
import json
from pathlib import Path

import pytest

from mlctl.errors import InvalidValueError
from mlctl.tracking import validation


@pytest.mark.parametrize("counts", [{"metrics": 1000}, {"params": 100, "tags": 100, "metrics": 800}, {}])
def test_batches_that_a_request_may_hold(counts):
    validation.batch_size(**counts)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"metrics": 1001}, "1000 metrics"),
        ({"params": 101}, "100 params"),
        ({"tags": 101}, "100 tags"),
        ({"params": 100, "tags": 100, "metrics": 801}, "1001 entities"),
    ],
)
def test_batches_that_are_too_big(counts, said):
    with pytest.raises(InvalidValueError, match=said):
        validation.batch_size(**counts)


@pytest.mark.parametrize("text", ["a", "0", "A-b_c", "x" * 256])
def test_run_ids(text):
    assert validation.run_id(text) == text


@pytest.mark.parametrize("text", ["", "-a", "_a", "a b", "a/b", "é", "a\n", "x" * 257, None, 5])
def test_bad_run_ids(text):
    with pytest.raises(InvalidValueError):
        validation.run_id(text)


def test_the_message_names_the_character():
    with pytest.raises(InvalidValueError, match=r"'lr\?' contains '\?'"):
        validation.key("lr?", what="param")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("/a b/ü", "/a b/ü"),
        ("s3://bucket/x?y=z", "s3://bucket/x?y=z"),
        ("file:///x", "file:///x"),
        ("rel/path", str(Path.cwd() / "rel/path")),
    ],
)
def test_locations(text, expected):
    assert validation.artifact_location(text) == expected


def test_page_tokens_are_mlflows():
    token = validation.page_token(25000)
    assert json.loads(base64.b64decode(token)) == {"offset": 25000}
    assert validation.page_offset(token) == 25000
    assert validation.page_offset(base64.b64encode(b'{"offset": 7}').decode()) == 7
    assert validation.page_offset(None) == validation.page_offset("") == 0


def test_numbers_of_numpy_kind():
    class Index:
        def __index__(self):
            return 5

        def __float__(self):
            return 2.5

    class Point:
        key, value, timestamp, step = "m", Index(), Index(), Index()

    assert validation.points([Point()]) == [("m", 5, 5, 2.5, 0)]


def test_keys_are_remembered_but_not_forever(monkeypatch):
    monkeypatch.setattr(validation, "_GOOD_KEYS_KEPT", 3)
    validation._good_keys.clear()
    for number in range(5):
        validation.key(f"k{number}", what="tag")
    assert len(validation._good_keys) <= 3
    with pytest.raises(InvalidValueError):
        validation.key("a//b", what="tag")
    with pytest.raises(InvalidValueError):
        validation.key(["unhashable"], what="tag")
