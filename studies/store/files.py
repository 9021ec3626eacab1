"""Files below one root, a local folder or any fsspec URL, each written whole or not at all. No torch here."""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

from searchspace.expand import SpecError

NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}  # of file systems without hard links


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

    def require_writable(self) -> None:
        """Refuse a root that cannot be written, as far as that shows before; nothing is left there."""

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
    from studies.store.remote_files import RemoteFiles

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
            with open(f"{self.root}/{name}", "rb") as file:  # no Path: a report reads ten thousand
                return file.read()
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
        with as_store_error("write", str(temporary.parent)):
            temporary.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(temporary, "wb") as file:
                    writer = HashingWriter(file)
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
        with as_store_error("rename", self.show(old)), suppress(FileNotFoundError):
            os.replace(self._path(old), self._path(new))
            _sync_folder(self._path(new).parent)

    def remove(self, name: str) -> None:
        path = self._path(name)
        with as_store_error("remove", self.show(name)), suppress(FileNotFoundError, NotADirectoryError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def names(self, folder: str) -> list[str]:
        with as_store_error("list", self.show(folder)):
            try:
                return sorted(os.listdir(f"{self.root}/{folder}"))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def exists(self, name: str) -> bool:
        return self._path(name).exists()

    def may_hold_files(self) -> bool:
        return self._path("").is_dir() or not self._path("").exists()

    def require_writable(self) -> None:
        root = self._path("")
        nearest = next(folder for folder in (root, *root.parents) if folder.exists())
        trial = nearest / f".studies-{uuid.uuid4().hex[:8]}"
        with as_store_error("write", self.show("store.json")):
            trial.mkdir()
            trial.rmdir()

    def show(self, name: str = "") -> str:
        return str(self._path(name))

    def _path(self, name: str) -> Path:
        return Path(self.root, name)

    def _place(self, name: str, content: bytes, move: Any) -> None:
        path = self._path(name)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        with as_store_error("write", str(path)):
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


class HashingWriter:
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


@contextmanager
def as_store_error(what: str, where: str) -> Iterator[None]:
    """Whatever goes wrong as one line that says where."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise _problem(what, where, error) from None


def cause(error: Exception) -> Exception:
    """The error of the file system that an error stands for: torch, where a write fails, raises one of its own."""
    hidden = error.__context__
    return hidden if isinstance(error, RuntimeError) and isinstance(hidden, OSError) else error


def _problem(what: str, where: str, error: Exception) -> StoreError:
    error = cause(error)
    why = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    return StoreError(f"cannot {what} {where}: {why}" + ("; choose another --runs-dir" if what == "write" else ""))
