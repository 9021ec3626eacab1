"""Files below a URL, on any file system that fsspec knows."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from studies.store.files import HashingWriter, as_store_error

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
            self._put(name, content, "overwrite")

    def write_hashed(self, folder: str, write: Callable[[IO[bytes]], None], name: Callable[[str], str]) -> str:
        # Through a file of this machine: an object store takes a file whole, and its name is known at the end.
        with as_store_error("write", self.show(folder)), tempfile.NamedTemporaryFile(prefix="studies-") as file:
            writer = HashingWriter(file)
            write(writer)  # type: ignore[arg-type]
            file.flush()
            made = name(writer.sha256.hexdigest())
            self.fs.makedirs(self._path(folder), exist_ok=True)
            self.fs.put_file(file.name, self._path(f"{folder}/{made}"))
        return made

    def create(self, name: str, content: bytes) -> bool:
        with as_store_error("write", self.show(name)):
            try:
                self._put(name, content, "create")
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
        """What an object store permits shows when it is written."""

    def show(self, name: str = "") -> str:
        return f"{self.root}/{name}" if name else self.root

    def _path(self, name: str) -> str:
        return f"{self.path}/{name}" if name else self.path

    def _put(self, name: str, content: bytes, mode: str) -> None:
        self.fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
        self.fs.pipe_file(self._path(name), content, mode=mode)
