"""Python versions as projects write them."""

import pytest

from mlctl.envs.versions import numbers, parse


@pytest.mark.parametrize(
    ("text", "fitting", "others"),
    [
        ("3.8.13", [(3, 8, 13)], [(3, 8, 1), (3, 8, 14), (3, 81, 3)]),
        ("3.1", [(3, 1, 5)], [(3, 10, 0), (3, 11, 7)]),
        ("3.10", [(3, 10, 0), (3, 10, 13)], [(3, 1, 0), (3, 11, 0)]),
        ("3", [(3, 6, 1), (3, 20, 0)], [(2, 7, 18)]),
        ("3.11.*", [(3, 11, 0)], [(3, 12, 0)]),
        ("==3.9.*", [(3, 9, 18)], [(3, 10, 0)]),
        ("==3.7", [(3, 7, 16)], [(3, 8, 0)]),
        ("=3.8", [(3, 8, 18)], [(3, 9, 0)]),
        (">=3.10", [(3, 10, 0), (3, 13, 1)], [(3, 9, 18)]),
        (">3.10", [(3, 10, 1), (3, 11, 0)], [(3, 10, 0), (3, 9, 9)]),
        ("<=3.8", [(3, 8, 18), (3, 6, 0)], [(3, 9, 0)]),
        ("<3.10", [(3, 9, 18)], [(3, 10, 0)]),
        (">=3.9, <3.12", [(3, 9, 0), (3, 11, 9)], [(3, 12, 0), (3, 8, 1)]),
        ("~=3.10.2", [(3, 10, 2), (3, 10, 9)], [(3, 10, 1), (3, 11, 0)]),
        ("~=3.10", [(3, 10, 0), (3, 12, 0)], [(3, 9, 0)]),
        ("!=3.9.*,>=3.8", [(3, 8, 1), (3, 10, 1)], [(3, 9, 1)]),
        ("python3.8", [(3, 8, 2)], [(3, 9, 2)]),
        ("v3.8", [(3, 8, 2)], [(3, 9, 2)]),
    ],
)
def test_fits(text, fitting, others):
    wish = parse(text)
    assert [version for version in fitting if not wish.fits(version)] == []
    assert [version for version in others if wish.fits(version)] == []


@pytest.mark.parametrize(
    ("text", "hint", "possible"),
    [
        (">=3.10", (3, 9), False),
        (">=3.10", (3, 10), True),
        (">=3.10.4", (3, 10), True),
        ("<3.10", (3, 11), False),
        ("3.8.13", (3, 8), True),
        ("3.8.13", (3,), True),
        ("3.8", (2, 7), False),
        ("!=3.9.4", (3, 9), True),
        (">=3.8,<3.9", (3, 12), False),
    ],
)
def test_fits_a_version_known_in_part(text, hint, possible):
    assert parse(text).fits(hint) is possible


@pytest.mark.parametrize(
    ("text", "exact", "minor"),
    [
        ("3.8.13", "3.8.13", (3, 8)),
        ("==3.8.13", "3.8.13", (3, 8)),
        ("3.13.0rc1", "3.13.0rc1", (3, 13)),
        ("3.8", "", (3, 8)),
        ("3", "", ()),
        (">=3.8.1", "", ()),
        ("3.8.*", "", (3, 8)),
        ("3.8.13,<4", "", (3, 8)),
    ],
)
def test_exact_and_minor(text, exact, minor):
    assert (parse(text).exact, parse(text).minor) == (exact, minor)


@pytest.mark.parametrize("text", ["", "latest", "3.x", "3.8 3.9", ">=", "3.8;rm", "=>3.8", "3,,", "3.8.1.post"])
def test_what_is_no_version(text):
    if text == "3,,":
        assert parse(text).fits((3, 8, 0))
        return
    with pytest.raises(ValueError, match="Python version"):
        parse(text)


def test_words_for_uv():
    assert parse("=3.8").for_uv() == "3.8"
    assert parse(">=3.9, <3.12").for_uv() == ">=3.9,<3.12"
    assert parse("==3.8.13").for_uv() == "3.8.13"


def test_numbers():
    assert numbers("3.13.0rc1") == (3, 13, 0)
    assert numbers("system") == ()
