"""`studies data check`, and fetching what can be fetched."""

import hashlib
import json
import pickle
import tarfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torchvision.datasets
import yaml
from conftest import TINY
from picture_folders import folder_data, write_folder

from searchspace.expand import SpecError
from studies import data_check
from studies.cli.parser import main


@pytest.fixture
def scale(tmp_path: Path) -> str:
    recipe = {"epochs": 1, "batch_size": 8, "lr": 0.1}
    path = tmp_path / "pictures.yaml"
    path.write_text(yaml.safe_dump(TINY | {"data": folder_data(), "recipe": recipe}))
    return str(path)


def test_a_data_set_that_is_as_it_should_be_is_counted_and_read(
    tmp_path: Path, scale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_folder(tmp_path)
    assert main(["data", "check", scale, "--data", str(root)]) == 0
    shown = capsys.readouterr().out
    assert "train: 40 pictures in 3 classes; 40 read, 30 x 24 to 38 x 32 pixels, 0 corrupt" in shown
    assert main(["data", "check", scale, "--data", str(root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == [] and found["fingerprint"] in shown
    assert [split["pictures"] for split in found["splits"]] == [40, 12]


def test_what_is_wrong_is_listed_and_the_exit_status_is_1(
    tmp_path: Path, scale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_folder(tmp_path, train=30)
    bad = next((root / "digits" / "val" / "n002").iterdir())
    bad.write_bytes(bad.read_bytes()[:100])
    assert main(["data", "check", scale, "--data", str(root)]) == 1
    shown = capsys.readouterr().out
    assert "wrong: split train of digits has 30 pictures, and data.train_size is 40" in shown
    assert f"wrong: split val: 1 of 12 pictures read are corrupt: n002/{bad.name} (" in shown


def test_a_sample_is_read_or_everything(tmp_path: Path, scale: str) -> None:
    root = write_folder(tmp_path, train=340)
    assert [split.read for split in data_check(scale, data_dir=root).splits] == [300, 12]
    assert [split.read for split in data_check(scale, data_dir=root, everything=True).splits] == [340, 12]


def test_missing_data_is_a_problem_and_an_unknown_name_or_no_folder_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STUDIES_DATA", raising=False)
    (problem,) = data_check("imagenet", data_dir=tmp_path).problems
    assert "expected imagenet/train/<class>/*.jpg and imagenet/val/<class>/*.jpg" in problem
    with pytest.raises(SpecError, match="name the folder that holds imagenet/train"):
        data_check("imagenet")
    with pytest.raises(SpecError, match="'imagnet'; did you mean imagenet"):
        data_check("imagnet")
    assert data_check("digits").problems == ()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server with a data set in CIFAR-10's format, in whose name torchvision is made to fetch it."""
    folder = tmp_path / "site" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    sums = {}
    pixels = np.zeros((20, 3072), dtype=np.uint8)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        content = pickle.dumps({b"data": pixels, b"labels": list(range(10)) * 2, "data": pixels, "labels": [0] * 20})
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    meta = pickle.dumps({"label_names": list("abcdefghij")})
    (folder / "batches.meta").write_bytes(meta)
    archive = tmp_path / "site" / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    known = torchvision.datasets.CIFAR10
    monkeypatch.setattr(known, "url", f"http://127.0.0.1:{server.server_port}/cifar.tar.gz")
    monkeypatch.setattr(known, "filename", "cifar.tar.gz")
    monkeypatch.setattr(known, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setattr(known, "train_list", [[name, sum_] for name, sum_ in sums.items() if "data" in name])
    monkeypatch.setattr(known, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(known, "meta", known.meta | {"md5": hashlib.md5(meta).hexdigest()})
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("published")
def test_cifar_is_fetched_once_where_it_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studies.training.data.cifar_files import is_published as published
    from studies.training.data.download import download
    from studies.trials.data import Cifar10Spec

    spec, root = Cifar10Spec(kind="cifar10"), tmp_path / "data"
    download(spec, str(root))
    assert published("cifar10", root)
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", "http://127.0.0.1:9/nothing")
    download(spec, str(root))
    (root / "cifar-10-batches-py" / "test_batch").write_bytes(b"")
    assert not published("cifar10", root)


def test_what_cannot_be_fetched_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", "http://127.0.0.1:9/cifar.tar.gz")
    with pytest.raises(SpecError, match=r"^--download: cifar10 cannot be fetched from http://127.0.0.1:9/.*refused"):
        data_check("cifar10", data_dir=tmp_path, download=True)
    with pytest.raises(SpecError, match="--download fetches cifar10 and cifar100, not imagenet"):
        data_check("imagenet", data_dir=tmp_path, download=True)
