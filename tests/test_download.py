"""Files fetched by their URL: here only from this machine's disk."""

import hashlib
import io
import os
import pathlib
import stat
import urllib.request

import pytest

from microlazy import gluon, test_utils
from microlazy.gluon.utils import check_sha1, download

CONTENT = b"some content" * 1000
SHA1 = hashlib.sha1(CONTENT).hexdigest()


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    path = folder / "a file.bin"
    path.write_bytes(CONTENT)
    return path


def test_a_file_url(source, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert download(source.as_uri()) == "a file.bin"
    assert (here / "a file.bin").read_bytes() == CONTENT
    assert download(source.as_uri(), here) == str(here / "a file.bin")  # a folder
    new = here / "deep" / "b.bin"
    assert download(source.as_uri(), new, sha1_hash=SHA1) == str(new)
    assert check_sha1(new, SHA1) and not check_sha1(new, SHA1[::-1])
    assert sorted(os.listdir(here)) == ["a file.bin", "deep"] and os.listdir(new.parent) == [
        "b.bin"
    ]
    if os.name == "posix":
        plain = here / "plain"
        plain.write_bytes(b"")
        assert stat.S_IMODE(new.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_what_is_there_is_kept_or_fetched_again(source, tmp_path):
    target = tmp_path / "b.bin"
    target.write_bytes(b"mine")
    url = source.as_uri()
    download(url, target)
    assert target.read_bytes() == b"mine"
    download(url, target, sha1_hash=SHA1)  # it has another hash
    assert target.read_bytes() == CONTENT
    source.write_bytes(b"newer")
    download(url, target, sha1_hash=SHA1)
    assert target.read_bytes() == CONTENT
    download(url, target, overwrite=True)
    assert target.read_bytes() == b"newer"


def test_nothing_is_changed_or_left_by_an_error(source, tmp_path):
    target = tmp_path / "b.bin"
    target.write_bytes(b"mine")
    with pytest.raises(OSError, match=f"its SHA-1 hash is not {SHA1[::-1]}"):
        download(source.as_uri(), target, overwrite=True, sha1_hash=SHA1[::-1], retries=0)
    with pytest.raises(OSError, match="nowhere"):
        download((tmp_path / "nowhere").as_uri(), target, overwrite=True, retries=0)
    assert target.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.bin", "there"]
    for url in ("file:///", "http://host/folder/"):
        with pytest.raises(ValueError, match="names no file: give path"):
            download(url)
    with pytest.raises(ValueError, match="retries must be 0 or more, but it is -1"):
        download(source.as_uri(), target, retries=-1)


class Response(io.BytesIO):
    def __init__(self, content, length):
        super().__init__(content)
        self.headers = {"Content-Length": str(length)}


def test_it_tries_again(tmp_path, monkeypatch):
    answers = [
        OSError("no route"),
        Response(CONTENT[:100], len(CONTENT)),  # cut off
        Response(b"damaged", 7),
        Response(CONTENT, len(CONTENT)),
    ]
    asked = []

    def urlopen(url, context=None):
        asked.append((url, context))
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    url = "https://example.com/x/data.zip?version=1"
    with pytest.warns(UserWarning) as warned:
        path = download(url, tmp_path, sha1_hash=SHA1, retries=3, verify_ssl=False)
    assert pathlib.Path(path) == tmp_path / "data.zip" and (tmp_path / "data.zip").exists()
    messages = [str(w.message) for w in warned]
    assert "certificate of https://example.com" in messages[0]
    assert "no route; 3 tries are left" in messages[1]
    assert f"it ended after 100 of {len(CONTENT)} bytes; 2 tries are left" in messages[2]
    assert "its SHA-1 hash is not" in messages[3] and "1 try is left" in messages[3]
    assert len(asked) == 4 and asked[0][1].check_hostname is False
    answers[:] = [OSError("no route")] * 2
    with pytest.warns(UserWarning, match="1 try is left"), pytest.raises(OSError, match="no route"):
        download(url, tmp_path / "other", retries=1)
    assert os.listdir(tmp_path) == ["data.zip"]


def test_the_download_of_test_utils(source, tmp_path):
    path = test_utils.download(source.as_uri(), fname="c.bin", dirname=tmp_path / "new")
    assert pathlib.Path(path) == tmp_path / "new" / "c.bin"
    assert pathlib.Path(path).read_bytes() == CONTENT
    assert gluon.utils.download is download
