"""Files at the limit of what may be read, and what is no regular file."""

import os

import pytest

from cohorts.files import UnreadableError, absolute, contents, is_regular, must_be_regular


@pytest.fixture
def of_size(tmp_path):
    def make(size):
        path = tmp_path / str(size)
        with path.open("wb") as stream:
            stream.truncate(size)
        return path

    return make


def refused(read, path, most):
    with pytest.raises(UnreadableError) as caught:
        read(path, most)
    return str(caught.value)


def test_a_file_of_just_the_size_that_is_allowed(of_size):
    assert contents(of_size(2048), 2048) == b"\0" * 2048 and is_regular(of_size(2048), 2048)
    must_be_regular(of_size(2048), 2048)
    assert not is_regular(of_size(2049), 2048)


@pytest.mark.parametrize(
    ("size", "most", "said"),
    [
        (5121, 5120, "seen 5 KiB; allowed: at most 5 KiB"),
        (7 * 1024, 3 * 1024, "seen 7 KiB; allowed: at most 3 KiB"),
        (2**20, 2**20 - 1, "seen 1.0 MiB; allowed: at most 1024 KiB"),
        (5 * 2**19, 2**20, "seen 2.5 MiB; allowed: at most 1.0 MiB"),
    ],
)
def test_a_larger_one_is_refused_with_both_sizes(of_size, size, most, said):
    for read in (contents, must_be_regular):
        assert refused(read, of_size(size), most) == said


def test_a_file_that_grew_after_it_was_looked_at_is_refused(of_size, monkeypatch):
    monkeypatch.setattr("cohorts.files.must_be_regular", lambda path, most: None)
    assert refused(contents, of_size(5000), 2048) == "seen 2 KiB; allowed: at most 2 KiB"
    assert contents(of_size(2048), 2048) == b"\0" * 2048


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path, "this is a folder"), (tmp_path / "pipe", "no regular"), (tmp_path / "x", "no such")):
        assert said in refused(contents, path, 10) and not is_regular(path, 10)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert absolute(tmp_path / "link") == (tmp_path / "a").resolve()
