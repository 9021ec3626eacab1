"""Arms that start or learn from an arm of another study, of another scale, or from a file."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from support import Studies, accuracies, one_line

from searchspace.build import build
from searchspace.expand import SpecError
from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.language.expansion import at_scale, expand
from studies.language.resolve import parse
from studies.language.scale_file import load_scale
from studies.planning.plan import make_plan
from studies.store.store import Store
from studies.training.parents import packed
from studies.trials.trial import FileTeacher, Teacher, WeightsFile

StudyFile = Callable[..., Path]


@pytest.fixture
def other(tmp_path: Path, tiny: Path) -> Path:
    """Another study, and another scale beside it: more epochs."""
    path = tmp_path / "other.yaml"
    arms = {"x": {}, "y": {"pretrained": "x"}}
    path.write_text(yaml.safe_dump({"study": "other", "base": "t2t_vit_14", "arms": arms}))
    scale = yaml.safe_load(tiny.read_text())
    scale |= {"scale": "longer", "recipe": scale["recipe"] | {"epochs": 3}}
    (tmp_path / "longer.yaml").write_text(yaml.safe_dump(scale))
    return path


def test_an_arm_may_start_from_one_of_another_study_at_another_scale(
    study_file: StudyFile, other: Path, tiny: Path
) -> None:
    origin = {"study": "other.yaml", "arm": "y", "scale": "longer.yaml"}
    study, scale = parse(study_file(arms={"a": {}, "b": {"pretrained": origin}})), load_scale(str(tiny))
    made = expand(at_scale(study, scale), (0, 1))
    trials = {(arm.name, trial.seed): trial for arm, trial in made.arms}
    names = [name for name, _ in made.others.values()]
    assert names == [f"y of {other} at {other.with_name('longer.yaml')}, seed 0", *names[1:]]
    needed = made.others[trials["b", 0].pretrained][1]
    assert (needed.recipe.epochs, needed.seed) == (3, 0)
    assert made.others[trials["b", 1].pretrained][1].seed == 1, "with its own seed"
    parent = parse(other)
    own = expand(at_scale(parent, load_scale(str(other.with_name("longer.yaml")))), (0,))
    assert [trial.id for arm, trial in own.arms if arm.name == "y"] == [trials["b", 0].pretrained]
    assert needed.pretrained in made.others, "and what that one needs"


def test_a_seed_may_be_named(study_file: StudyFile, other: Path, tiny: Path) -> None:
    origin = {"study": "other.yaml", "arm": "x", "scale": "longer.yaml", "seed": 7}
    study = parse(study_file(arms={"a": {}, "b": {"pretrained": origin}}))
    made = expand(at_scale(study, load_scale(str(tiny))), (0, 1))
    assert [trial.seed for _, trial in made.others.values()] == [7]


def test_the_same_study_at_another_scale_is_meant_where_no_study_is_named(
    study_file: StudyFile, other: Path, tiny: Path
) -> None:
    study = parse(study_file(arms={"a": {}, "b": {"teacher": {"arm": "a", "scale": "longer.yaml", "kind": "soft"}}}))
    made = expand(at_scale(study, load_scale(str(tiny))), (0,))
    taught = made.arms[1][1].teacher
    assert isinstance(taught, Teacher)
    assert made.others[taught.trial][1].recipe.epochs == 3


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ({"study": "nothing.yaml", "arm": "x"}, "pretrained: no such file"),
        ({"study": "cnn_to_vitt", "arm": "x"}, "pretrained: unknown study 'cnn_to_vitt'; did you mean cnn_to_vit"),
        ({"study": "other.yaml"}, "pretrained: one of `arm` and `file`"),
        ({"arm": "a", "file": "w.pt"}, "pretrained: one of `arm` and `file`"),
        ({"file": "w.pt", "scale": "digits"}, "pretrained: `study`, `scale` and `seed` go with `arm`"),
        ({"file": "nothing.pt"}, "pretrained: no such file"),
        ({"arm": "a", "sha256": "0" * 64}, "pretrained: `sha256` goes with `file`"),
    ],
)
def test_an_origin_that_cannot_be_is_one_line_with_its_place(
    study_file: StudyFile, other: Path, origin: dict[str, Any], message: str
) -> None:
    path = study_file(arms={"a": {}, "b": {"pretrained": origin}})
    with pytest.raises(SpecError, match=r"s\.yaml:6: ") as error:
        parse(path)
    assert str(error.value).startswith(f"{path}:6: {message}")


def test_an_arm_that_another_study_has_not_is_named_when_it_is_looked_for(
    study_file: StudyFile, other: Path, tiny: Path
) -> None:
    study = parse(study_file(arms={"a": {}, "b": {"pretrained": {"study": "other.yaml", "arm": "z"}}}))
    with pytest.raises(SpecError, match=r"s\.yaml:5: b: no arm 'z' in .*other\.yaml"):
        expand(at_scale(study, load_scale(str(tiny))), (0,))


def test_a_circle_through_two_studies_is_refused(study_file: StudyFile, tmp_path: Path, tiny: Path) -> None:
    path = study_file(arms={"a": {"pretrained": {"study": "t.yaml", "arm": "b"}}}, scale=str(tiny))
    back = {"study": "s.yaml", "arm": "a"}
    content = {"study": "t", "base": "t2t_vit_14", "arms": {"b": {"pretrained": back}}, "scale": str(tiny)}
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(SpecError, match="cannot need each other in a circle"):
        expand(at_scale(parse(path), load_scale(str(tiny))), (0,))


def test_a_teacher_of_other_pictures_is_refused(study_file: StudyFile, other: Path, tiny: Path) -> None:
    study = parse(study_file(arms={"a": {}, "b": {"teacher": {"arm": "a", "scale": "large.yaml"}}}))
    large = yaml.safe_load(tiny.read_text())
    large |= {"scale": "large", "data": large["data"] | {"img_size": 32}}
    other.with_name("large.yaml").write_text(yaml.safe_dump(large))
    with pytest.raises(SpecError, match="takes pictures of 32 x 32 and tells 10 classes, where its student has 16 x"):
        expand(at_scale(study, load_scale(str(tiny))), (0,))


@pytest.fixture
def weights(tmp_path: Path, tiny: Path) -> Path:
    """Weights of T2T-ViT-14 at scale tiny."""
    scale = load_scale(str(tiny))
    torch.manual_seed(1)
    path = tmp_path / "w.safetensors"
    path.write_bytes(packed(build(shrink(preset("t2t_vit_14"), scale.shrink, 16, 3, 10))))
    return path


def test_a_file_is_named_with_its_digest_which_is_in_the_id(study_file: StudyFile, weights: Path, tiny: Path) -> None:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    arms = {"a": {}, "b": {"pretrained": {"file": "w.safetensors"}}}
    with pytest.raises(SpecError, match=f"a file is named with its digest: add sha256: {digest}"):
        parse(study_file(arms=arms))
    arms["b"]["pretrained"]["sha256"] = digest
    (_, plain), (_, started) = expand(at_scale(parse(study_file(arms=arms)), load_scale(str(tiny))), (0,)).arms
    assert started.pretrained == WeightsFile(sha256=digest)
    assert plain.id != started.id
    assert str(weights) not in str(started.content()), "where it lies is no part"
    assert started.needs == [] and started.files == [digest]


@pytest.mark.slow
def test_what_starts_from_files_and_other_scales_is_trained_and_found_again(
    study_file: StudyFile, weights: Path, other: Path, tiny: Path, studies: Studies, tmp_path: Path
) -> None:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    file = {"file": "w.safetensors", "sha256": digest}
    model = {"base": "t2t_vit_14"} | _shrunk(load_scale(str(tiny)))
    arms = {
        "a": {},
        "from a file": {"pretrained": file},
        "taught by a file": {"distilled": True, "teacher": file | {"model": model}},
        "from a longer run": {"pretrained": {"arm": "a", "scale": "longer.yaml"}},
    }
    path = study_file(arms=arms)
    run = ("run", str(path), "--scale", str(tiny), "--seeds", "1", "--executor", "inline")
    planned = studies("plan", str(path), "--scale", str(tiny), "--seeds", "1")
    assert "5 trials: 0 done, 5 to train" in planned.stdout, planned.stderr
    done = studies(*run)
    assert done.returncode == 0, done.stderr
    assert len(accuracies(tmp_path / "runs")) == 5
    store = Store(tmp_path / "runs")
    plan = make_plan(path, str(tiny), (0,), (), False, store)
    trials = {arm.name: trial for arm, trial in plan.arms}
    assert store.result(trials["from a file"].id)["pretrained_share"] == 1.0
    assert isinstance(trials["taught by a file"].teacher, FileTeacher)
    weights.unlink()
    path.write_text(path.read_text())  # the study is as it was; its file is in the store
    shown = studies("store", "ls").stdout
    assert f"from file {digest[:6]}" in shown and f"taught hard by file {digest[:6]}" in shown


def test_a_file_that_was_changed_is_refused_before_anything_is_written(
    study_file: StudyFile, weights: Path, tiny: Path, studies: Studies, tmp_path: Path
) -> None:
    path = study_file(arms={"a": {}, "b": {"pretrained": {"file": "w.safetensors", "sha256": "0" * 64}}})
    line = one_line(studies("run", str(path), "--scale", str(tiny), "--executor", "inline"))
    assert line == f"studies: {weights} is not the file that the study names: its SHA-256 is not {'0' * 64}"
    assert not (tmp_path / "runs").exists()


def test_a_file_of_which_too_little_fits_is_refused_before_anything_is_written(
    study_file: StudyFile, weights: Path, tiny: Path, studies: Studies, tmp_path: Path
) -> None:
    file = {"file": weights.name, "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}
    path = study_file(arms={"a": {}, "b": {"base": "resnet50", "pretrained": file}})
    line = one_line(studies("run", str(path), "--scale", str(tiny), "--executor", "inline"))
    assert line.startswith(f"studies: {path}:5: b: pretrained: {weights.name}: the pretrained model has tensors of the")
    weights.write_bytes(b"no weights")
    file["sha256"] = hashlib.sha256(b"no weights").hexdigest()
    path = study_file(arms={"a": {}, "b": {"pretrained": file}})
    line = one_line(studies("plan", str(path), "--scale", str(tiny)))
    assert f"b: pretrained: cannot read {weights.name}: torn, or not a file of weights" in line
    assert not (tmp_path / "runs").exists()


def _shrunk(scale: Any) -> dict[str, Any]:
    """Overrides that make T2T-ViT-14 at full size what it is at a scale."""
    small = shrink(preset("t2t_vit_14"), scale.shrink, 16, 3, 10).model_dump(mode="json")
    return {key: small[key] for key in ("img_size", "num_classes", "tokenizer", "backbone")}
