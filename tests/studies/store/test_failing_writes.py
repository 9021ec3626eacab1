"""Files that cannot be written: the old content stays, and one line says where and why."""

import errno
import os
import resource
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
from stores import everything

from studies.store.files import Files, LocalFiles, StoreError, open_files
from studies.store.remote_files import RemoteFiles


@pytest.mark.parametrize("operation", ["write", "create"])
@pytest.mark.parametrize("step", ["fsync", "move"])
def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    operation: str, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = open_files(tmp_path)
    files.write("t/old", b"old")
    name = "t/old" if operation == "write" else "t/new"
    before = everything(tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, {"write": "replace", "create": "link"}[operation] if step == "move" else "fsync", full)
        with pytest.raises(StoreError, match=r"No space left on device.*--runs-dir") as caught:
            getattr(files, operation)(name, b"new")
    assert len(str(caught.value).splitlines()) == 1
    assert str(tmp_path / name) in str(caught.value)
    assert everything(tmp_path) == before
    assert getattr(files, operation)(name, b"new") in (None, True)
    assert files.read(name) == b"new"


def test_a_remote_write_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    files = open_files(f"memory://{uuid.uuid4().hex}")
    files.write("t/a", b"old")

    def fails(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied\nfor this bucket")

    for operation in ("write", "create"):
        with monkeypatch.context() as patch:
            patch.setattr(files.fs, "pipe_file", fails)  # type: ignore[attr-defined]
            with pytest.raises(StoreError) as caught:
                getattr(files, operation)("t/a", b"new")
        expected = f"cannot write {files.root}/t/a: Access Denied for this bucket; choose another --runs-dir"
        assert str(caught.value) == expected
    with monkeypatch.context() as patch:
        patch.setattr(files.fs, "cat_file", fails)  # type: ignore[attr-defined]
        patch.setattr(files.fs, "ls", fails)  # type: ignore[attr-defined]
        with pytest.raises(StoreError, match=r"cannot read .*Access Denied"):
            files.read("t/a")
        with pytest.raises(StoreError, match=r"cannot list .*Access Denied"):
            files.names("t")
    assert files.read("t/a") == b"old"


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process can become larger than a page: as on a disk that is full, writes fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "write", [lambda file: torch.save(torch.ones(10**6), file), lambda file: file.write(b"1" * 10**6)]
)
def test_a_checkpoint_that_does_not_fit_says_where_there_is_no_room(write: Any, files: Files) -> None:
    with no_room(), pytest.raises(StoreError) as caught:
        files.write_hashed("t", write, str)
    text = str(caught.value)
    if isinstance(files, LocalFiles):
        assert text == f"cannot write {files.root}/t: File too large; choose another --runs-dir"
    else:
        assert text.startswith(f"cannot write to the temporary folder {tempfile.gettempdir()}: File too large; ")
        assert text.endswith("name another folder by $TMPDIR")
    assert files.names("t") == []
    made = files.write_hashed("t", write, str)
    assert files.names("t") == [made]


def test_a_temporary_folder_that_is_not_there_is_not_the_stores_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = open_files(f"memory://{uuid.uuid4().hex}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(StoreError, match=f"^cannot write to the temporary folder {tmp_path}/none: No such file"):
        files.write_hashed("t", lambda file: None, str)


def test_a_root_is_tried_before_it_is_written_and_nothing_is_left_there(files: Files) -> None:
    files.require_writable()
    assert not files.exists("")
    files.write("t/a", b"1")
    files.require_writable()
    assert files.names("") == ["t"] and files.names("t") == ["a"]


def test_a_remote_file_system_that_refuses_writes_is_refused_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "runs.zip", "w") as file:
        file.writestr("store.json", "{}")
    for files in (
        open_files(f"zip://runs::{tmp_path}/runs.zip"),
        RemoteFiles(fsspec.filesystem("file"), "/proc/runs", "sftp://host/proc/runs"),
    ):
        with pytest.raises(
            StoreError, match=r"^cannot write \w+://.*runs.*/store\.json: .*; choose another --runs-dir$"
        ):
            files.require_writable()
