"""Secrets are replaced, wherever a stream is cut."""

import random
import re

import pytest

from mlctl import masking
from mlctl.masking import Masker


def in_pieces(data, secrets, sizes):
    masker = Masker(secrets)
    found, at = b"", 0
    while at < len(data):
        size = next(sizes)
        found += masker.feed(data[at : at + size])
        at += size
    return found + masker.finish()


def test_cut_anywhere():
    chance = random.Random(7)
    secrets = masking.forms(["secret", "secretsecret", "aaaaab", "hello, world", "line one\n  line two"])
    assert {"line one", "line two", "hello%2C%20world"} <= set(secrets)
    whole = re.compile("|".join(map(re.escape, secrets)).encode())
    words = [b"secret", b"sec", b"ret", b"a", b"aaaaa", b"b", b"hello, ", b"world", b"line one", b"\n", b" "]
    for _ in range(500):
        data = b"".join(chance.choice(words) for _ in range(30))
        assert in_pieces(data, secrets, iter(lambda: chance.randint(1, 9), 0)) == whole.sub(b"***", data)


def test_nothing_is_held_back_without_need():
    masker = Masker(masking.forms(["password1"]))
    assert masker.feed(b"epoch 1: loss 0.3\r") == b"epoch 1: loss 0.3\r"
    assert masker.feed(b"the pass") == b"the "
    assert masker.feed(b"age") == b"passage"
    assert masker.feed(b"pass") == b""
    assert masker.finish() == b"pass"


def test_bytes_that_are_no_text():
    secrets = masking.forms(["caf\udce9-secret", "sch\N{LATIN SMALL LETTER U WITH DIAERESIS}ssel"])
    data = b"\xff caf\xe9-secret " + "sch\N{LATIN SMALL LETTER U WITH DIAERESIS}ssel".encode() + b" \x00"
    assert masking.masked_bytes(data, secrets) == b"\xff *** *** \x00"


def test_texts():
    secrets = masking.forms(["it's a secret", "tiny", "longer than that", "than that"])
    assert masking.masked("it's a secret, 'it'\"'\"'s a secret' and longer than that; tiny", secrets) == "***, '***' and ***; tiny"
    assert masking.masked_bytes(b"anything", ()) == b"anything"


@pytest.mark.parametrize("values", [[], [""], ["short"], ["\n\n"]])
def test_no_secrets(values):
    assert masking.forms(values) == ()
