"""Files of a store: the same operations over a local folder and over an fsspec URL."""

import importlib.util
import os
import stat
import threading
import uuid
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import everything

from studies.store.files import Files, LocalFiles, StoreError, open_files
from studies.store.remote_files import RemoteFiles


def test_what_is_written_is_read_and_written_over(files: Files) -> None:
    files.write("a/b/c.json", b"one")
    assert files.read("a/b/c.json") == b"one"
    files.write("a/b/c.json", b"")
    assert files.read("a/b/c.json") == b""


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_content_is_kept_to_the_byte(first: bytes, second: bytes) -> None:
    files = open_files(f"memory://{uuid.uuid4().hex}")
    files.write("a/b", first)
    assert files.read("a/b") == first
    assert not files.create("a/b", second)
    assert files.read("a/b") == first
    files.write("a/b", second)
    assert files.read("a/b") == second


def test_looking_for_what_is_not_there_makes_nothing(files: Files, tmp_path: Path) -> None:
    assert files.read("a/b") is None
    assert files.names("a") == []
    assert files.names("") == []
    assert not files.exists("a/b")
    files.remove("a/b")
    files.rename("a/b", "a/c")
    assert not files.exists("")
    assert not (tmp_path / "root").exists()


def test_a_file_has_nothing_below_it(files: Files) -> None:
    files.write("a", b"1")
    assert files.read("a/b") is None
    assert not files.exists("a/b")
    files.remove("a/b")
    assert files.read("a") == b"1"


def test_names_are_those_in_the_folder_and_sorted(files: Files) -> None:
    for name in ("t/b", "t/a", "t/c/deep/er", "other"):
        files.write(name, b"1")
    assert files.names("t") == ["a", "b", "c"]
    assert files.names("") == ["other", "t"]
    assert files.exists("t/a") and not files.exists("t/d")


def test_names_are_those_of_now_whoever_wrote_last(files: Files) -> None:
    other = open_files(files.root)
    files.write("t/a", b"1")
    assert other.names("t") == ["a"]
    files.write("t/b", b"1")
    assert other.names("t") == ["a", "b"]
    files.remove("t/a")
    assert other.names("t") == ["b"] and not other.exists("t/a") and other.read("t/a") is None


def test_create_makes_a_file_once(files: Files) -> None:
    assert files.create("a/lease", b"first")
    assert not files.create("a/lease", b"second")
    assert files.read("a/lease") == b"first"
    assert files.names("a") == ["lease"]
    files.remove("a/lease")
    assert files.create("a/lease", b"third")
    assert files.read("a/lease") == b"third"


def test_of_eight_threads_that_create_a_file_one_succeeds(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    for round_number in range(10):
        start, made = threading.Barrier(8), {}

        def go(i: int, name: str = f"t/{round_number}", start=start, made=made) -> None:
            start.wait()
            made[i] = files.create(name, str(i).encode())

        threads = [threading.Thread(target=go, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [i for i in range(8) if made[i]]
        assert len(winners) == 1
        assert files.read(f"t/{round_number}") == str(winners[0]).encode()
    assert len(files.names("t")) == 10, "no temporary file is left"


def test_rename_takes_a_file_or_a_folder_along(files: Files) -> None:
    files.write("t/a", b"1")
    files.write("t/b", b"2")
    files.rename("t/a", "t/b")
    assert files.names("t") == ["b"]
    assert files.read("t/b") == b"1"
    files.rename("t", "u")
    assert files.names("") == ["u"]
    assert files.read("u/b") == b"1"


def test_remove_takes_a_file_or_a_folder(files: Files) -> None:
    for name in ("t/a", "t/b/c", "u"):
        files.write(name, b"1")
    files.remove("t/a")
    assert files.names("t") == ["b"]
    files.remove("t")
    assert files.names("") == ["u"]
    assert files.read("t/b/c") is None


def test_files_are_shown_as_users_name_them(files: Files) -> None:
    assert files.show() == files.root
    assert files.show("t/a") == f"{files.root}/t/a"


def test_a_local_root_is_absolute_and_a_file_url_is_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for root in ("runs", Path("runs"), tmp_path / "runs", f"file://{tmp_path}/runs", f"local://{tmp_path}/runs"):
        files = open_files(root)
        assert isinstance(files, LocalFiles)
        assert files.root == str(tmp_path / "runs")
        assert not files.one_process


def test_files_in_memory_are_of_one_process(tmp_path: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}"
    assert open_files(url).one_process
    assert open_files(url + "/").root == url


@pytest.mark.parametrize("operation", ["write", "create"])
@pytest.mark.parametrize("name", ["file/a/b", "file/a/b/c"])
def test_a_file_below_a_file_is_refused(operation: str, name: str, tmp_path: Path) -> None:
    files = open_files(tmp_path)
    files.write("file", b"1")
    with pytest.raises(StoreError, match=r"^cannot write .*file/a") as caught:
        getattr(files, operation)(name, b"2")
    assert len(str(caught.value).splitlines()) == 1
    assert everything(tmp_path) == {"file": b"1"}


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    files.write("t/a", b"1")
    with pytest.raises(StoreError, match="cannot write"):
        files.write("t", b"2")
    with pytest.raises(StoreError, match=r"cannot read .*Is a directory"):
        files.read("t")
    assert everything(tmp_path) == {"t/a": b"1"}


def test_an_unknown_protocol_is_one_clear_line() -> None:
    with pytest.raises(StoreError) as caught:
        open_files("nosuch://bucket/runs")
    assert str(caught.value) == "cannot open the store nosuch://bucket/runs: Protocol not known: nosuch"


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is here")
def test_a_protocol_whose_package_is_not_there_says_what_to_install() -> None:
    with pytest.raises(StoreError) as caught:
        open_files("s3://bucket/runs")
    assert str(caught.value) == "cannot open the store s3://bucket/runs: Install s3fs to access S3"


def test_a_file_directly_below_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    files = open_files(tmp_path / "runs")
    for operation in (files.write, files.create):
        with pytest.raises(StoreError, match=r"cannot write .*/runs.*; choose another --runs-dir"):
            operation("store.json", b"{}")
    assert (tmp_path / "runs").read_text() == "mine"


def test_a_file_that_goes_while_another_is_made_is_no_error(tmp_path: Path) -> None:
    files = open_files(tmp_path)
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            files.create("t/a", b"1")
            files.remove("t/a")

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            assert files.create("t/a", b"2") in (True, False)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_protocols_without_conditional_writes_are_told_apart() -> None:
    assert open_files("memory://x").exclusive
    assert not RemoteFiles(fsspec.filesystem("file"), "/x", "ftp://x").exclusive


def test_after_a_rename_the_folder_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    replace, fsync = os.replace, os.fsync

    def renamed(*arguments: Any) -> None:
        replace(*arguments)
        done.append("rename")

    def synced(number: int) -> None:
        fsync(number)
        done.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")

    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "fsync", synced)
    open_files(tmp_path).write("a/b.json", b"content")
    assert (tmp_path / "a" / "b.json").read_bytes() == b"content"
    assert done.index("file") < done.index("folder") and done[-1] == "folder"
