"""Regular expressions of bounded time: they mean what Python's mean."""

import random
import re

import pytest

from mlctl.search.patterns import BUDGET, MAX_LENGTH, Pattern, PatternError

ATOMS = [
    *(
        "a",
        "b",
        "1",
        " ",
        "_",
        "é",
        "{",
        "}",
        "]",
        "-",
        ".",
        r"\.",
        r"\d",
        r"\D",
        r"\w",
        r"\W",
        r"\s",
        r"\S",
        r"\b",
        r"\B",
        "^",
        "$",
        r"\x41",
    ),
    *(r"\u00e9", r"\n", "[ab]", "[^a]", "[a-c1]", "[]a]", "[^]]", r"[\d-]", r"[\w.]", "[a-]", r"[\]é]"),
]
REPEATS = ["*", "+", "?", "{2}", "{1,2}", "{0,}", "{,2}", "*?", "+?", "{2}?", "{", "{a}", "{,}"]


def random_pattern(dice, depth=0):
    found = ""
    for _ in range(dice.randrange(1, 4)):
        kind = dice.random() if depth < 3 else 1
        if kind < 0.2:
            atom = f"({random_pattern(dice, depth + 1)})"
        elif kind < 0.3:
            atom = f"(?:{random_pattern(dice, depth + 1)}|{random_pattern(dice, depth + 1)})"
        else:
            atom = dice.choice(ATOMS)
        found += atom + (dice.choice(REPEATS) if dice.random() < 0.3 and atom not in ("^", "$", r"\b", r"\B") else "")
    return found


def test_the_same_as_pythons():
    dice = random.Random(4)
    compared = 0
    for _ in range(4000):
        text = "(?i)" * (dice.random() < 0.2) + random_pattern(dice)
        try:
            expected = re.compile(text)
        except re.error:
            continue
        pattern = Pattern(text)
        for _ in range(4):
            value = "".join(dice.choice("abcABé1 _.-{}\n") for _ in range(dice.randrange(1, 8)))
            if "$" in text and value.endswith("\n"):
                continue  # Python's $ also stands before a line break at the end
            compared += 1
            assert pattern.search(value) == bool(expected.search(value)), (text, value)
    assert compared > 10_000


@pytest.mark.parametrize(
    ("text", "found", "missed"),
    [
        ("", ["", "x"], []),
        ("b", ["abc"], ["", "B"]),
        ("^b", ["bc"], ["abc", "a\nb"]),
        ("c$", ["abc"], ["abc\n", "cb"]),
        ("^$", [""], ["x"]),
        (r"\Aa\Z", ["a"], ["ab"]),
        ("(?i)straße", ["STRAßE"], ["strasse"]),
        ("(?i)[a-c]x", ["BX"], ["dx"]),
        ("^resnet(18|50)$", ["resnet18"], ["resnet180", "xresnet50"]),
        (r"\bexp-\d{3,}", ["my exp-1234"], ["exp-12", "myexp-123"]),
        ("a{3}", ["baaa"], ["aa"]),
        ("a.c", ["abc", "aéc"], ["ac", "a\nc"]),
    ],
)
def test_examples(text, found, missed):
    pattern = Pattern(text)
    assert [pattern.search(value) for value in found] == [True] * len(found)
    assert [pattern.search(value) for value in missed] == [False] * len(missed)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("(a", 2),
        ("a)", 1),
        ("[a", 2),
        ("a\\", 2),
        ("*a", 0),
        ("a**", 2),
        ("a{2}{3}", 4),
        ("a|+", 2),
        ("(?=a)", 1),
        ("(?<!a)", 1),
        ("(?P<n>a)", 1),
        ("a(?i)b", 2),
        (r"(a)\1", 3),
        (r"\q", 0),
        (r"\xg0", 2),
        ("[z-a]", 1),
        (r"[a-\d]", 1),
        ("a{3,2}", 2),
        ("(" * 21 + "a" + ")" * 21, 20),
        ("a{2001}", 0),
        ("((a{99}){99}){99}", 0),
        ("x" * (MAX_LENGTH + 1), 0),
    ],
)
def test_what_is_refused(text, position):
    with pytest.raises(PatternError) as caught:
        Pattern(text)
    assert caught.value.position == position
    assert caught.value.expected


@pytest.mark.parametrize("text", ["(a+)+b", "(a|aa)+b", "(a*)*b", "a*a*a*a*a*a*b", "(((a*)*)*)*b", "(((){999}){999}){999}b", "(x+x+)+y"])
def test_what_explodes_elsewhere(text):
    pattern = Pattern(text)
    assert not pattern.search("a" * 100_000)
    assert not pattern.exhausted


def test_the_budget():
    pattern = Pattern("(a|b)*a(a|b){450}c")
    dice = random.Random(1)
    values = 0
    while not pattern.exhausted:
        pattern.search("".join(dice.choice("ab") for _ in range(1000)))
        values += 1
    assert values < BUDGET / 1000
    assert not Pattern("(a|b)*a(a|b){450}c").exhausted
