"""Teachers whose weights are in a file: of this code, of timm and of torchvision, by name."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from parenthood import small
from safetensors.torch import save_file
from support import Studies, accuracies, one_line

from searchspace.build import build
from searchspace.expand import SpecError
from searchspace.libraries import check_name, named_model
from searchspace.spec import CnnSpec
from studies.language.expansion import at_scale, expand
from studies.language.resolve import parse
from studies.language.scale_file import load_scale
from studies.planning.plan import make_plan
from studies.store.store import Store
from studies.training.parents import Parents, check_teacher, packed
from studies.trials.trial import FileTeacher, WeightsFile

StudyFile = Callable[..., Path]
NAME = "test_resnet"  # of timm's, made for tests: 0.5 M parameters
MODEL = {"library": "timm", "name": NAME, "img_size": 16, "num_classes": 10, "min_size": 16}


def saved(path: Path, module: torch.nn.Module) -> dict[str, Any]:
    """Weights in a file as a training script writes them; how a study names it."""
    torch.save({"model": module.state_dict()}, path)
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


@pytest.fixture
def resnet(tmp_path: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    torch.manual_seed(3)
    module = timm.create_model(NAME, num_classes=10)
    return module, saved(tmp_path / "w.pth", module)


def planned(path: Path, tiny: Path, tmp_path: Path) -> Any:
    return make_plan(path, str(tiny), (0,), (), False, Store(tmp_path / "runs"))


def test_a_teacher_by_timm_name_answers_as_timms_own_model_does(
    study_file: StudyFile, tiny: Path, tmp_path: Path, resnet: tuple[torch.nn.Module, dict[str, Any]]
) -> None:
    module, file = resnet
    path = study_file(arms={"a": {}, "b": {"distilled": True, "teacher": file | {"model": MODEL}}})
    taught = {arm.name: trial for arm, trial in planned(path, tiny, tmp_path).arms}["b"].teacher
    assert isinstance(taught, FileTeacher)
    assert isinstance(taught.model, CnnSpec)
    content = (tmp_path / file["file"]).read_bytes()
    teacher = Parents(file_of={file["sha256"]: content}.get).teacher(taught)
    x = torch.rand(2, 3, 16, 16)
    assert torch.equal(teacher(x), module.eval()(x))
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_a_transformer_of_timms_keeps_its_names(tmp_path: Path) -> None:
    spec = named_model(MODEL | {"name": "test_vit", "args.img_size": 16, "args.patch_size": 8})
    module = build(spec)
    content = packed(module)
    file = WeightsFile(sha256=hashlib.sha256(content).hexdigest())
    check_teacher(spec, content, "w")
    teacher = Parents(file_of=lambda _: content).teacher(FileTeacher(file=file, model=spec))
    x = torch.rand(2, 3, 16, 16)
    assert torch.equal(teacher(x), module.eval()(x))


def test_a_teacher_by_torchvision_name(tmp_path: Path) -> None:
    spec = named_model({"library": "torchvision", "name": "squeezenet1_1", "num_classes": 7, "img_size": 32})
    module = torchvision.models.squeezenet1_1(num_classes=7)
    check_teacher(spec, packed(module), "w")


@pytest.mark.parametrize(
    ("library", "name", "message"),
    [
        ("timm", "regnety_161", "timm has no model 'regnety_161'; did you mean .*regnety_160"),
        ("torchvision", "resnet81", "torchvision has no model 'resnet81'; did you mean .*resnet18"),
        ("timm", "qqqqqqqqq", "timm has no model 'qqqqqqqqq'$"),
        ("torchvision", "fcn_resnet50", "torchvision has no model"),
    ],
)
def test_a_name_that_a_library_has_not_is_refused_with_the_nearest(library: str, name: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_name(CnnSpec(library=library, name=name))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("regnety_160", "teacher: model: unknown preset 'regnety_160'"),
        ({"library": "timm", "name": "regnety_161"}, "teacher: model: timm has no model 'regnety_161'; did you mean"),
        ({"library": "timm"}, "teacher: model: name: Field required"),
        ({"library": "keras", "name": "x"}, "teacher: model: library: "),
        (MODEL | {"size": 3}, "teacher: model: unknown field 'size'"),
        (MODEL | {"args": {"pretrained": True}}, "teacher: model: args: pretrained would read weights"),
    ],
)
def test_a_model_of_a_file_that_cannot_be_is_one_line_with_its_place(
    study_file: StudyFile, resnet: tuple[torch.nn.Module, dict[str, Any]], model: Any, message: str
) -> None:
    path = study_file(arms={"a": {}, "b": {"teacher": resnet[1] | {"model": model}}})
    with pytest.raises(SpecError) as error:
        parse(path)
    assert str(error.value).startswith(f"{path}:6: {message}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"img_size": 224}, "takes pictures of 224 x 224 and tells 10 classes, where its student has 16 x 16 and 10"),
        ({"num_classes": 1000}, "takes pictures of 16 x 16 and tells 1000 classes, where its student has"),
        ({"name": "test_resnet2"}, "timm has no model 'test_resnet2'; did you mean"),
        ({"name": "test_vit"}, "w.pth is of another model; missing: cls_token, pos_embed, patch_embed.proj.weight and"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused_before_anything_is_written(
    studies: Studies,
    study_file: StudyFile,
    tiny: Path,
    tmp_path: Path,
    resnet: tuple[torch.nn.Module, dict[str, Any]],
    changes: dict[str, Any],
    message: str,
) -> None:
    path = study_file(arms={"a": {}, "b": {"teacher": resnet[1] | {"model": MODEL | changes}}})
    with pytest.raises(SpecError) as error:
        planned(path, tiny, tmp_path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path)), "with its place"
    assert not (tmp_path / "runs").exists()


def test_weights_for_other_classes_are_refused_with_the_names(tmp_path: Path) -> None:
    spec = named_model(MODEL)
    other = timm.create_model(NAME, num_classes=7)
    with pytest.raises(
        SpecError, match=r"w is of another model; of another shape: fc\.weight \(7, \d+\) for \(10, \d+"
    ):
        check_teacher(spec, packed(other), "w")
    own = small("t2t_vit_14")
    fewer = packed(build(own.model_copy(update={"num_classes": 7})))
    with pytest.raises(SpecError, match=r"of another shape: head\.weight \(7, 48\) for \(10, 48\)"):
        check_teacher(own, fewer, "w")


def test_a_model_that_cannot_take_the_pictures_is_refused(tmp_path: Path) -> None:
    spec = named_model(MODEL | {"name": "vit_tiny_patch16_224"})
    with pytest.raises(SpecError, match="w: its model takes no pictures of 16 x 16: "):
        check_teacher(spec, packed(timm.create_model("vit_tiny_patch16_224", num_classes=10)), "w")


def test_the_base_of_an_arm_may_be_a_model_of_a_library(study_file: StudyFile, tiny: Path) -> None:
    path = study_file(arms={"a": {}, "b": {"base": {"library": "timm", "name": NAME, "min_size": 16}}})
    _, (_, trial) = expand(at_scale(parse(path), load_scale(str(tiny))), (0,)).arms
    assert isinstance(trial.model, CnnSpec)
    assert (trial.model.name, trial.model.num_classes, trial.model.img_size) == (NAME, 10, (16, 16))
    with pytest.raises(SpecError, match=r"s\.yaml:6: b: timm has no model 'test_resnet5'; did you mean"):
        parse(study_file(arms={"a": {}, "b": {"base": {"library": "timm", "name": "test_resnet5"}}}))
    with pytest.raises(SpecError, match=r"s\.yaml:6: b: a mapping names the model of a library"):
        parse(study_file(arms={"a": {}, "b": {"base": {"name": "test_resnet"}}}))


@pytest.mark.slow
def test_a_student_is_distilled_from_a_file_of_timms(
    studies: Studies, study_file: StudyFile, tiny: Path, tmp_path: Path, resnet: tuple[torch.nn.Module, dict[str, Any]]
) -> None:
    module, _ = resnet
    save_file(module.state_dict(), tmp_path / "w.safetensors")
    digest = hashlib.sha256((tmp_path / "w.safetensors").read_bytes()).hexdigest()
    teacher = {"file": "w.safetensors", "sha256": digest, "model": MODEL}
    path = study_file(arms={"a": {"distilled": True}, "b": {"distilled": True, "teacher": teacher}})
    done = studies("run", str(path), "--scale", str(tiny), "--seeds", "1", "--executor", "inline")
    assert done.returncode == 0, done.stderr
    (tmp_path / "w.safetensors").write_bytes(b"another file by now")
    line = one_line(studies("run", str(path), "--scale", str(tiny), "--seeds", "2", "--executor", "inline"))
    assert "is not the file that the study names" in line
    first, second = accuracies(tmp_path / "runs").values()
    assert first != second
