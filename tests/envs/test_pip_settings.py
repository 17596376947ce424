"""pip's settings, handed to uv."""

import os

import pytest

from mlctl.envs import pip_settings, uv
from mlctl.envs.pip_settings import for_uv


@pytest.fixture
def given(tmp_path):
    """What uv gets for some variables and a user's pip.conf."""

    def ask(conf="", **environ):
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        file = tmp_path / ".config" / "pip" / "pip.conf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(conf)
        return for_uv({"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "etc"), **environ}, folder)

    return ask


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(pip_settings, "_MACHINE_FILE", str(tmp_path / "etc" / "pip.conf"))
    monkeypatch.setattr(uv, "_MACHINE_FILE", str(tmp_path / "etc" / "uv.toml"))


def test_nothing_said_nothing_given(given):
    assert given() == ({}, [])


@pytest.mark.parametrize(
    ("word", "expected"), [("import", "subprocess"), ("subprocess", "subprocess"), ("disabled", "disabled"), ("auto", None)]
)
def test_the_keyring(given, word, expected):
    assert given(PIP_KEYRING_PROVIDER=word)[0].get("UV_KEYRING_PROVIDER") == expected
    assert given(PIP_KEYRING_PROVIDER=word, UV_KEYRING_PROVIDER="disabled")[0] == {}


def test_variables(given, tmp_path):
    (tmp_path / "wheels").mkdir()
    variables, flags = given(
        PIP_INDEX_URL="https://index.example.org/simple",
        PIP_EXTRA_INDEX_URL="https://a.example.org https://b.example.org",
        PIP_FIND_LINKS=f"{tmp_path}/wheels {tmp_path}/absent https://c.example.org/",
        PIP_TRUSTED_HOST="a.example.org",
        PIP_CERT="/etc/ca.pem",
        PIP_TIMEOUT="7",
        PIP_NO_INDEX="1",
        PIP_PRE="no",
    )
    assert variables == {
        "UV_DEFAULT_INDEX": "https://index.example.org/simple",
        "UV_EXTRA_INDEX_URL": "https://a.example.org https://b.example.org",
        "UV_FIND_LINKS": f"{tmp_path}/wheels,https://c.example.org/",
        "UV_INSECURE_HOST": "a.example.org",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "UV_HTTP_TIMEOUT": "7",
    }
    assert flags == ["--no-index"]


def test_the_file_and_its_sections(given):
    conf = (
        "[install]\nindex-url = https://install.example.org\n[global]\nindex_url = https://global.example.org\nproxy = p:80\ntimeout = 60\n"
    )
    assert given(conf)[0] == {"UV_DEFAULT_INDEX": "https://install.example.org", "HTTPS_PROXY": "p:80", "UV_HTTP_TIMEOUT": "60"}
    assert given(conf, PIP_INDEX_URL="https://mine.example.org")[0]["UV_DEFAULT_INDEX"] == "https://mine.example.org"
    assert given(conf, PIP_CONFIG_FILE=os.devnull) == ({}, [])
    assert given("[global]\npre = true\n[list]\nno-index = yes\n")[1] == ["--prerelease=allow"]


def test_files_of_the_machine(given, tmp_path):
    (tmp_path / "etc" / "pip").mkdir(parents=True)
    (tmp_path / "etc" / "pip" / "pip.conf").write_text("[global]\ncert = /xdg.pem\nproxy = xdg:1\ntimeout = 1\n")
    (tmp_path / "etc" / "pip.conf").write_text("[global]\ncert = /etc.pem\nproxy = etc:1\n")
    assert given("[global]\ncert = /mine.pem\n")[0] == {"SSL_CERT_FILE": "/mine.pem", "HTTPS_PROXY": "etc:1", "UV_HTTP_TIMEOUT": "1"}
    named = tmp_path / "named.conf"
    named.write_text("[global]\ncert = /named.pem\n")
    assert given("[global]\ncert = /mine.pem\n", PIP_CONFIG_FILE=str(named))[0]["SSL_CERT_FILE"] == "/named.pem"


@pytest.mark.parametrize("conf", ["no section", "[global]\nindex-url = %(x)s\n", "[global\n"])
def test_odd_files_do_no_harm(conf, given):
    assert set(given(conf)[0]) <= {"UV_DEFAULT_INDEX"}


def test_uv_s_own_settings_go_first(given, tmp_path):
    conf = "[global]\nindex-url = https://pip.example.org\ncert = /ca.pem\n"
    assert "UV_DEFAULT_INDEX" not in given(conf, UV_INDEX_URL="https://uv.example.org")[0]
    (tmp_path / "project").mkdir(exist_ok=True)
    (tmp_path / "project" / "pyproject.toml").write_text("[[tool.uv.index]]\nurl = 'x'\n")
    assert given(conf)[0] == {"SSL_CERT_FILE": "/ca.pem"}
    (tmp_path / "project" / "pyproject.toml").write_text("[project]\n")
    assert "UV_DEFAULT_INDEX" in given(conf)[0]
    (tmp_path / ".config" / "uv").mkdir()
    (tmp_path / ".config" / "uv" / "uv.toml").write_text("")
    assert "UV_DEFAULT_INDEX" not in given(conf)[0]
