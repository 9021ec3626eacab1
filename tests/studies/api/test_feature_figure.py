"""Feature maps of models with known weights, and the trials of a store that are shown."""

from pathlib import Path

import numpy as np
import pytest
import torch
from figure_texts import check_texts
from support import StudyFile

from searchspace.build import build
from searchspace.expand import SpecError
from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.api.feature_figure import chosen_trials, features, found_features
from studies.api.feature_maps import model_features
from studies.language.expansion import at_scale, trials
from studies.language.resolve import parse
from studies.language.scale_file import load_scale
from studies.language.study import Study
from studies.reporting.asked import Asked
from studies.store.store import Store
from studies.training.parents import packed

DIGITS = load_scale("digits")
ARMS = {
    "ViT": {"base": "vit_s_16"},
    "ViT-SE": {"base": "vit_s_16", "backbone.channel_attention": "squeeze_excite"},
    "T2T": {"base": "t2t_vit_14"},
    "CNN": {"base": "seresnet50"},
}


def small(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return build(shrink(preset(name), DIGITS.shrink, 16, 3, 10)).eval()


def pictures(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def test_maps_of_a_transformer_are_its_tokens_without_the_prefix_as_an_image() -> None:
    model, x = small("deit_small_distilled"), pictures(3)
    found = model_features("m", model, [(x[:2], x), (x[2:], x)])
    expected = model.forward_intermediates(x, intermediates_only=True)
    assert len(found.shares) == len(expected) == len(model.blocks)
    first = found.layers[0]
    assert first.maps.shape[0] == 24
    assert np.allclose(first.maps[-1], expected[0][0, -1].detach().numpy(), atol=1e-5)
    assert np.allclose(found.layers[-1].maps[0], expected[-1][0, 0].detach().numpy(), atol=1e-5)


def test_a_channel_that_is_zero_for_all_pictures_is_counted_and_one_that_is_for_the_first_is_not() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 1, bias=False), torch.nn.ReLU(), torch.nn.Conv2d(3, 9, 3))
    weights = torch.zeros(3, 3, 1, 1)
    weights[0, 0], weights[1, 1] = 1.0, 1.0  # of the channels, one passes, one will be zero at first, one is dead
    model[0].weight.data = weights
    x = torch.ones(4, 3, 8, 8)
    x[0, 1] = -1.0
    found = model_features("m", model.eval(), [(x[:2], x), (x[2:], x)])
    (layer,) = found.layers
    assert found.shares.tolist() == [pytest.approx(100 / 3)]
    assert (layer.dead, layer.channels, layer.near_zero.tolist()) == (1, 3, [False, False, True])
    assert layer.maps.sum((1, 2)).tolist() == [64.0, 0.0, 0.0]


def test_layers_of_a_cnn_are_its_activations_without_those_of_gates() -> None:
    plain, gated = (model_features("m", small(name), [(pictures(2), None)]) for name in ("resnet50", "seresnet50"))
    assert len(plain.shares) == len(gated.shares) == 16
    assert plain.layers[0].name == "activation 1 of 16"


def test_layers_of_a_cnn_without_modules_for_activations_are_its_convolutions() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.Conv2d(5, 7, 3)).eval()
    assert [layer.channels for layer in model_features("m", model, [(pictures(2), None)]).layers] == [5, 7]
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 16)).eval()
    with pytest.raises(ValueError, match="no layer of m puts out maps of more than one position"):
        model_features("m", model, [(pictures(2), None)])


def test_a_model_leaves_no_hooks_behind() -> None:
    model = small("vit_s_16")
    model_features("m", model, [(pictures(1), None)])
    assert not any(module._forward_hooks for module in model.modules())


def filled(study: Study, root: Path, arms: set[str], weights: bool = True) -> Store:
    """A store with a trial of some arms, with the weights that they start from."""
    store = Store(root)
    store.prepare()
    for arm, trial in trials(at_scale(study, DIGITS), (0,)):
        store.plan(trial)
        if arm.name in arms:
            torch.manual_seed(0)
            store.finish(trial.id, {"top1": 10.0, "history": []}, packed(build(trial.model)) if weights else None)
    return store


@pytest.fixture
def study(study_file: StudyFile) -> Study:
    return parse(study_file(arms=ARMS, baseline="ViT"))


def test_the_first_trained_arm_of_each_family_is_shown_the_cnn_first(study: Study, tmp_path: Path) -> None:
    store = filled(study, tmp_path / "runs", {"ViT-SE", "T2T", "CNN"})
    assert [one.arm.name for one in chosen_trials(Asked(study, DIGITS, store))] == ["CNN", "ViT-SE", "T2T"]
    assert [one.arm.name for one in chosen_trials(Asked(study, DIGITS, store, only=["t2t", "ViT*"]))] == [
        "ViT-SE",
        "T2T",
    ]


@pytest.mark.slow
def test_arms_that_are_named_but_have_no_weights_are_told_below_the_figure(study: Study, tmp_path: Path) -> None:
    store = filled(study, tmp_path / "runs", {"ViT"})
    found = found_features(Asked(study, DIGITS, store, only=["ViT*"]))
    assert found.notes == ("No weights in the store: ViT-SE.",)
    assert found.pictures == 512
    assert found.picture.shape == (16, 16, 3)
    figure = features(Asked(study, DIGITS, store, only=["ViT*"]))
    check_texts(figure)
    for suffix in ("png", "svg", "pdf"):
        figure.savefig(tmp_path / f"features.{suffix}")
        assert (tmp_path / f"features.{suffix}").stat().st_size > 10_000


def test_a_store_without_weights_is_told_in_one_line(study: Study, tmp_path: Path) -> None:
    store = filled(study, tmp_path / "runs", {"ViT"}, weights=False)
    with pytest.raises(SpecError, match=r"no trial of .* at scale digits in .*runs has its weights; `studies run`"):
        features(Asked(study, DIGITS, store))
    with pytest.raises(SpecError, match="no trial of T2T of "):
        features(Asked(study, DIGITS, store, only=["T2T"]))


def test_arms_of_other_data_are_not_shown_for_one_picture(study_file: StudyFile, tmp_path: Path) -> None:
    arms = {"one": {}, "other": {"base": "vit_s_16", "data.train_size": 100}}
    study = parse(study_file(arms=arms))
    store = filled(study, tmp_path / "runs", {"one", "other"})
    assert [one.arm.name for one in chosen_trials(Asked(study, DIGITS, store))] == ["one"]
    with pytest.raises(SpecError, match="one and other have other data"):
        features(Asked(study, DIGITS, store, only=["*"]))


def test_more_arms_than_a_page_has_rows_for_are_refused(study_file: StudyFile, tmp_path: Path) -> None:
    study = parse(study_file(arms={f"a{i}": {"backbone.norm_eps": 10.0 ** -(i + 3)} for i in range(7)}))
    store = filled(study, tmp_path / "runs", {arm.name for arm in study.arms})
    with pytest.raises(SpecError, match="at most 6 models are shown, and 7 arms"):
        features(Asked(study, DIGITS, store, only=["*"]))
