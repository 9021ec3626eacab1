"""Files below one root, a local folder or any fsspec URL, each written whole or not at all. No torch here."""

import errno
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

from searchspace.expand import SpecError

NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}  # of file systems without hard links
CONDITIONAL = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"}  # their fsspec puts are, if asked


class StoreError(SpecError):
    """A store that cannot be used, or a record in it; the message is one line for the user."""


class Files(Protocol):
    """Names are relative to the root, with `/` between their parts; a leading dot is for files half written."""

    root: str
    one_process: bool  # no other process sees these files
    exclusive: bool  # of several that `create` a file at once, one succeeds
    look_seconds: float  # how often one may look for a change

    def read(self, name: str) -> bytes | None:
        """The content; None if there is no such file."""

    def write(self, name: str, content: bytes) -> None:
        """Replace or make a file."""

    def write_hashed(self, folder: str, write: Callable[[IO[bytes]], None], name: Callable[[str], str]) -> str:
        """Make a file in a folder of what `write` writes, piece by piece; its name, which is returned, is made of the
        SHA-256 of its content."""

    def create(self, name: str, content: bytes) -> bool:
        """Make a file; False, and nothing changes, if it is there already. Of several callers one succeeds."""

    def rename(self, old: str, new: str) -> None:
        """Rename a file or a folder; nothing if it is not there."""

    def remove(self, name: str) -> None:
        """Remove a file or a folder; nothing if it is not there."""

    def names(self, folder: str) -> list[str]:
        """What is in a folder, sorted; empty if there is no such folder."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def may_hold_files(self) -> bool:
        """Whether the root is a folder, or nothing yet."""

    def show(self, name: str = "") -> str:
        """Path or URL of a file, for people."""


def open_files(root: str | Path) -> Files:
    """The files below a folder or a URL; nothing is made or looked at yet.

    Raises:
        StoreError: if the URL's protocol is not known, or needs a package that is not there.
    """
    text = str(root)
    if "://" not in text:
        return LocalFiles(text)
    if text.startswith(("file://", "local://")):
        return LocalFiles(text.split("://", 1)[1])
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(text, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise StoreError(f"cannot open the store {text}: {' '.join(str(error).split())}") from None
    return RemoteFiles(fs, path, text)


class LocalFiles:
    """A folder. A file is written beside its place, forced to the disk, and renamed."""

    one_process = False
    exclusive = True
    look_seconds = 0.5

    def __init__(self, root: str) -> None:
        self.root = str(Path(root).absolute())

    def read(self, name: str) -> bytes | None:
        try:
            return self._path(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _problem("read", self.show(name), error) from None

    def write(self, name: str, content: bytes) -> None:
        try:
            self._place(name, content, os.replace)
        except FileExistsError as error:
            raise _problem("write", self.show(name), error) from None

    def write_hashed(self, folder: str, write: Callable[[IO[bytes]], None], name: Callable[[str], str]) -> str:
        temporary = self._path(folder) / f".part.{uuid.uuid4().hex[:8]}"
        with _as_store_error("write", str(temporary.parent)):
            temporary.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(temporary, "wb") as file:
                    writer = _HashingWriter(file)
                    write(writer)  # type: ignore[arg-type]
                    file.flush()
                    os.fsync(file.fileno())
                made = name(writer.sha256.hexdigest())
                os.replace(temporary, temporary.with_name(made))
                _sync_folder(temporary.parent)
            finally:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
        return made

    def create(self, name: str, content: bytes) -> bool:
        def link(temporary: Path, path: Path) -> None:
            try:
                os.link(temporary, path)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                with open(path, "xb") as file:
                    file.write(content)
            temporary.unlink()

        try:
            self._place(name, content, link)
        except FileExistsError:
            return False
        return True

    def rename(self, old: str, new: str) -> None:
        with _as_store_error("rename", self.show(old)), suppress(FileNotFoundError):
            os.replace(self._path(old), self._path(new))
            _sync_folder(self._path(new).parent)

    def remove(self, name: str) -> None:
        path = self._path(name)
        with _as_store_error("remove", self.show(name)), suppress(FileNotFoundError, NotADirectoryError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def names(self, folder: str) -> list[str]:
        with _as_store_error("list", self.show(folder)):
            try:
                return sorted(os.listdir(self._path(folder)))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def exists(self, name: str) -> bool:
        return self._path(name).exists()

    def may_hold_files(self) -> bool:
        return self._path("").is_dir() or not self._path("").exists()

    def show(self, name: str = "") -> str:
        return str(self._path(name))

    def _path(self, name: str) -> Path:
        return Path(self.root, name)

    def _place(self, name: str, content: bytes, move: Any) -> None:
        path = self._path(name)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        with _as_store_error("write", str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            move(temporary, path)
            _sync_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if isinstance(error, FileExistsError):
                raise
            raise _problem("write", str(path), error) from None


class _HashingWriter:
    """A file that is written to piece by piece, and the SHA-256 of what was."""

    def __init__(self, file: Any) -> None:
        self.file, self.sha256 = file, hashlib.sha256()

    def write(self, piece: Any) -> int:
        self.sha256.update(piece)
        return self.file.write(piece)

    def flush(self) -> None:
        self.file.flush()


def _sync_folder(folder: Path) -> None:
    """Force a folder's names to the disk: a file that was renamed is else under its old name after a power cut."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a system that opens no folders
        return
    try:
        with suppress(OSError):  # a file system that syncs no folders
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


class RemoteFiles:
    """An fsspec file system. Object stores put a file whole; `create` is their conditional put (S3, GCS, Azure)."""

    look_seconds = 5.0  # a look is a request

    def __init__(self, fs: Any, path: str, url: str) -> None:
        self.fs, self.path, self.root = fs, path.rstrip("/"), url.rstrip("/")
        names = set(fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))
        self.one_process = "memory" in names
        self.exclusive = bool(names & CONDITIONAL)

    def read(self, name: str) -> bytes | None:
        with _as_store_error("read", self.show(name)):
            try:
                return self.fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        with _as_store_error("write", self.show(name)):
            self._put(name, content, "overwrite")

    def write_hashed(self, folder: str, write: Callable[[IO[bytes]], None], name: Callable[[str], str]) -> str:
        # Through a file of this machine: an object store takes a file whole, and its name is known at the end.
        with _as_store_error("write", self.show(folder)), tempfile.NamedTemporaryFile(prefix="studies-") as file:
            writer = _HashingWriter(file)
            write(writer)  # type: ignore[arg-type]
            file.flush()
            made = name(writer.sha256.hexdigest())
            self.fs.makedirs(self._path(folder), exist_ok=True)
            self.fs.put_file(file.name, self._path(f"{folder}/{made}"))
        return made

    def create(self, name: str, content: bytes) -> bool:
        with _as_store_error("write", self.show(name)):
            try:
                self._put(name, content, "create")
            except FileExistsError:
                if not self.exists(name):
                    raise
                return False
        return True

    def rename(self, old: str, new: str) -> None:
        with _as_store_error("rename", self.show(old)), suppress(FileNotFoundError):
            self.fs.mv(self._path(old), self._path(new), recursive=True)

    def remove(self, name: str) -> None:
        with _as_store_error("remove", self.show(name)), suppress(FileNotFoundError):
            self.fs.rm(self._path(name), recursive=True)

    def names(self, folder: str) -> list[str]:
        path = self._path(folder)
        with _as_store_error("list", self.show(folder)):
            self.fs.invalidate_cache()
            try:
                listed = [entry.rstrip("/") for entry in self.fs.ls(path, detail=False)]
            except FileNotFoundError:
                return []
        # Some list a folder, or a file, in itself.
        return sorted({entry.rpartition("/")[2] for entry in listed if not entry.endswith(path)})

    def exists(self, name: str) -> bool:
        with _as_store_error("read", self.show(name)):
            self.fs.invalidate_cache()
            return bool(self.fs.exists(self._path(name)))

    def may_hold_files(self) -> bool:
        return True

    def show(self, name: str = "") -> str:
        return f"{self.root}/{name}" if name else self.root

    def _path(self, name: str) -> str:
        return f"{self.path}/{name}" if name else self.path

    def _put(self, name: str, content: bytes, mode: str) -> None:
        self.fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
        self.fs.pipe_file(self._path(name), content, mode=mode)


@contextmanager
def _as_store_error(what: str, where: str) -> Iterator[None]:
    """Whatever goes wrong as one line that says where."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise _problem(what, where, error) from None


def _problem(what: str, where: str, error: Exception) -> StoreError:
    why = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    return StoreError(f"cannot {what} {where}: {why}" + ("; choose another --runs-dir" if what == "write" else ""))
