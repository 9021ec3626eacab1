"""Files below a URL, on any file system that fsspec knows."""

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import IO, Any

from studies.store.files import HashingWriter, StoreError, as_store_error, cause

CONDITIONAL = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"}  # their fsspec puts are, if asked


class RemoteFiles:
    """An fsspec file system. Object stores put a file whole; `create` is their conditional put (S3, GCS, Azure)."""

    look_seconds = 5.0  # a look is a request

    def __init__(self, fs: Any, path: str, url: str) -> None:
        self.fs, self.path, self.root = fs, path.rstrip("/"), url.rstrip("/")
        names = set(fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))
        self.one_process = "memory" in names
        self.exclusive = bool(names & CONDITIONAL)

    def read(self, name: str) -> bytes | None:
        with as_store_error("read", self.show(name)):
            try:
                return self.fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        with as_store_error("write", self.show(name)):
            self._put(name, content)

    def write_hashed(self, folder: str, write: Callable[[IO[bytes]], None], name: Callable[[str], str]) -> str:
        # Through a file of this machine: an object store takes a file whole, and its name is known at the end.
        with _temporary_file() as file:
            with _temporary_problem():
                writer = HashingWriter(file)
                write(writer)  # type: ignore[arg-type]
                file.flush()
            made = name(writer.sha256.hexdigest())
            with as_store_error("write", self.show(folder)):
                self.fs.makedirs(self._path(folder), exist_ok=True)
                self.fs.put_file(file.name, self._path(f"{folder}/{made}"))
        return made

    def create(self, name: str, content: bytes) -> bool:
        with as_store_error("write", self.show(name)):
            try:
                self._put(name, content, mode="create")
            except FileExistsError:
                if not self.exists(name):
                    raise
                return False
        return True

    def rename(self, old: str, new: str) -> None:
        with as_store_error("rename", self.show(old)), suppress(FileNotFoundError):
            self.fs.mv(self._path(old), self._path(new), recursive=True)

    def remove(self, name: str) -> None:
        with as_store_error("remove", self.show(name)), suppress(FileNotFoundError):
            self.fs.rm(self._path(name), recursive=True)

    def names(self, folder: str) -> list[str]:
        path = self._path(folder)
        with as_store_error("list", self.show(folder)):
            self.fs.invalidate_cache()
            try:
                listed = [entry.rstrip("/") for entry in self.fs.ls(path, detail=False)]
            except FileNotFoundError:
                return []
        # Some list a folder, or a file, in itself.
        return sorted({entry.rpartition("/")[2] for entry in listed if not entry.endswith(path)})

    def exists(self, name: str) -> bool:
        with as_store_error("read", self.show(name)):
            self.fs.invalidate_cache()
            return bool(self.fs.exists(self._path(name)))

    def may_hold_files(self) -> bool:
        return True

    def require_writable(self) -> None:
        root, name = PurePosixPath(self.path), f".studies-{uuid.uuid4().hex[:8]}"
        with as_store_error("write", self.show("store.json")):
            made = []
            if self.one_process or not self.exclusive:  # an object store has no folders, and buckets are left alone
                above = [str(folder) for folder in (root, *root.parents)]
                made = [folder for folder in above if folder != "." and not self.fs.exists(folder)]
            try:
                self._put(name, b"")
                self.fs.rm_file(self._path(name))
            finally:
                for folder in made:
                    with suppress(OSError, NotImplementedError):  # another run has begun to write there, say
                        self.fs.rmdir(folder)

    def show(self, name: str = "") -> str:
        return f"{self.root}/{name}" if name else self.root

    def _path(self, name: str) -> str:
        return f"{self.path}/{name}" if name else self.path

    def _put(self, name: str, content: bytes, **how: str) -> None:
        self.fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
        self.fs.pipe_file(self._path(name), content, **how)  # not every file system knows modes


@contextmanager
def _temporary_file() -> Iterator[IO[bytes]]:
    """A file of this machine that goes when the block ends."""
    with _temporary_problem():
        file = tempfile.NamedTemporaryFile(prefix="studies-")  # noqa: SIM115
    try:
        yield file
    finally:
        with suppress(OSError):  # what could not be written before cannot be when it is closed
            file.close()


@contextmanager
def _temporary_problem() -> Iterator[None]:
    """That the temporary folder cannot be written as one line: the store is not to blame."""
    try:
        yield
    except Exception as error:
        found = cause(error)
        if not isinstance(found, OSError):
            raise
        where = f" {tempfile.tempdir}" if tempfile.tempdir else ""
        raise StoreError(
            f"cannot write to the temporary folder{where}: {found.strerror or found}; a store behind a URL needs room "
            "there for a checkpoint: name another folder by $TMPDIR"
        ) from None
