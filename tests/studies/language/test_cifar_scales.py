"""The scales of CIFAR: which models can be had there, how they are trained, and whether they keep their proportions."""

import pytest
import torch

from searchspace.build import build
from searchspace.cost.remembered import costs
from studies.language.expansion import ScaledArm, at_scale
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale

TRANSFORMERS = ("CNN to ViT", "CNN to T2T-ViT")


def arms(scale: str) -> list[ScaledArm]:
    return at_scale(load_study("cnn_to_vit"), load_scale(scale))


def test_all_transformers_and_modern_cnns_of_table_6_can_be_had_at_32_pixels() -> None:
    refused = {item.arm.name for item in arms("cifar10") if item.refusal}
    assert refused == {"AlexNet", "Inception v3"}, "whose stems need more"


@pytest.mark.parametrize("scale", ["cifar10", "cifar100"])
def test_tokens_are_8_by_8_for_every_tokenizer(scale: str) -> None:
    for item in arms(scale):
        if item.arm.group in TRANSFORMERS:
            assert item.model.tokenizer.grid_size(32, 32) == (8, 8), item.arm.name
            assert item.model.backbone.init == "lecun_normal"


@pytest.mark.slow
def test_macs_over_the_baselines_are_those_of_full_size_within_two_hundredths() -> None:
    farthest = {"ViT-Ghost": "ViT-S/16", "T2T-ViT-Wide": "T2T-ViT-14", "T2T-ViT-Ghost": "T2T-ViT-14"}
    names = [*farthest, *sorted(set(farthest.values()))]
    ratios = []
    for scale in ("cifar10", "cifar10_224"):
        models = {item.arm.name: item.model for item in arms(scale)}
        macs = dict(zip(names, (figures["macs"] for figures in costs([models[n] for n in names])), strict=True))
        ratios.append([macs[name] / macs[baseline] for name, baseline in farthest.items()])
    assert ratios[0] == pytest.approx(ratios[1], abs=0.02)


@pytest.mark.slow
def test_every_arm_learns_from_a_picture_of_32_pixels() -> None:
    for item in arms("cifar10"):
        if not item.refusal and item.arm.group in TRANSFORMERS:
            model = build(item.model)
            model(torch.randn(2, 3, 32, 32)).sum().backward()
            assert all(p.grad is not None for p in model.parameters() if p.requires_grad), item.arm.name


@pytest.mark.parametrize("kind", ["cifar10", "cifar100"])
def test_transfer_keeps_models_whole_and_trains_the_head_at_100_times_the_rate(kind: str) -> None:
    scale, study = load_scale(f"{kind}_224"), load_study("cnn_to_vit")
    for arm, item in zip(study.arms, at_scale(study, scale), strict=True):
        if item.arm.group in TRANSFORMERS:
            assert item.model.backbone == arm.model.backbone
            assert item.model.tokenizer == arm.model.tokenizer
    recipe = scale.recipe
    assert (recipe.opt, recipe.lr * recipe.backbone_lr_scale, recipe.min_lr) == ("momentum", 0.05 * 0.01, 2e-4)
    assert recipe.augment and recipe.augment.crop_padding == scale.data.img_size // 8
