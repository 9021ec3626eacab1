import subprocess
import sys

import pytest
import timm
import timm.optim
import torch

import searchspace  # noqa: F401 (registers the family)
from searchspace.presets import names, preset
from searchspace.spec import TransformerSpec

FAMILY = [name for name in names() if name.startswith("t2t_vit")]
RELEASE = [f"t2t_vit_{rest}" for rest in ("7", "10", "12", "14", "19", "24", "t_14", "t_19", "t_24")]
RELEASE += [f"t2t_vit_{rest}" for rest in ("14_resnext", "14_wide", "14_se", "dense", "16_ghost")]
SMALL = {"num_classes": 10, "img_size": 64}


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def test_all_names_of_the_public_release_are_models_of_timm() -> None:
    assert set(RELEASE) <= set(timm.list_models("t2t_vit*")) == set(FAMILY)
    assert all(timm.is_model(name) for name in RELEASE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "imports",
    [
        "import searchspace, timm",
        "import timm, searchspace",
        "import blocks.vit, searchspace, timm",
        "import searchspace, blocks.vit, timm",
    ],
)
def test_the_family_is_registered_in_whatever_order_one_imports(imports: str) -> None:
    code = f"{imports}; import sys; sys.exit(not timm.is_model('t2t_vit_14'))"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0


def test_create_model_takes_timms_arguments() -> None:
    model = timm.create_model("t2t_vit_14", num_classes=10, drop_path_rate=0.1, drop_rate=0.2, img_size=384, in_chans=1)
    assert model.head.out_features == 10
    assert model.head_drop.p == 0.2
    assert model.blocks[-1].drop_path.drop_prob == pytest.approx(0.1)
    assert model.pos_embed.shape[1] == 24 * 24 + 1
    assert timm.create_model("t2t_vit_7", num_classes=0, img_size=64)(torch.zeros(1, 3, 64, 64)).shape == (1, 256)
    half = timm.create_model("t2t_vit_7", global_pool="token", device="meta", dtype=torch.bfloat16, **SMALL)
    assert {(p.device.type, p.dtype) for p in half.parameters()} == {("meta", torch.bfloat16)}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"drop_pth_rate": 0.1}, TypeError, "no argument 'drop_pth_rate'; did you mean drop_path_rate"),
        ({"img_size": 2}, ValueError, "smaller than the reach of the tokenizer"),
        ({"drop_path_rate": 2}, ValueError, "a number from 0 to below 1, got 2"),
        ({"global_pool": "avg"}, ValueError, "global_pool must be 'token', got 'avg'"),
    ],
)
def test_arguments_that_do_not_work_are_refused(arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        timm.create_model("t2t_vit_14", **arguments)


@pytest.mark.parametrize("name", FAMILY)
def test_default_cfg_names_the_head_and_the_input(name: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(name)
    cfg = model.default_cfg
    spec = preset(name)
    assert isinstance(spec, TransformerSpec)
    assert cfg["input_size"] == (3, *spec.img_size)
    assert cfg["crop_pct"] == 0.9
    assert cfg["interpolation"] == "bicubic"
    heads = cfg["classifier"] if isinstance(cfg["classifier"], tuple) else (cfg["classifier"],)
    assert all(hasattr(model, head) for head in heads)
    assert timm.data.resolve_data_config(model=model)["input_size"] == (3, *spec.img_size)


@pytest.mark.parametrize("name", ["t2t_vit_7", "t2t_vit_7_distilled", "t2t_vit_dense"])
def test_features_then_head_is_forward_and_the_head_can_be_replaced(name: str, x: torch.Tensor) -> None:
    model = timm.create_model(name, **SMALL).eval()
    with torch.no_grad():
        features = model.forward_features(x)
        assert torch.equal(model.forward_head(features), model(x))
        assert model.forward_head(features, pre_logits=True).shape == (2, model.num_features)
        model.reset_classifier(7)
        assert model(x).shape == (2, 7)
        model.reset_classifier(0)
        assert model(x).shape == (2, model.num_features)
    with pytest.raises(ValueError, match="class token"):
        model.reset_classifier(7, "avg")


def test_distilled_training_gives_both_heads_logits(x: torch.Tensor) -> None:
    model = timm.create_model("t2t_vit_7_distilled", **SMALL)
    model.set_distilled_training()
    first, second = model.train()(x)
    assert first.shape == second.shape == (2, 10)
    assert model.eval()(x).shape == (2, 10)
    assert len(model.get_classifier()) == 2
    with pytest.raises(ValueError, match="no distillation token"):
        timm.create_model("t2t_vit_7", **SMALL).set_distilled_training()


@pytest.mark.parametrize("name", ["t2t_vit_7", "t2t_vit_dense", "t2t_vit_7_distilled"])
def test_features_only_gives_maps_after_the_chosen_layers(name: str, x: torch.Tensor) -> None:
    net = timm.create_model(name, features_only=True, out_indices=(0, 2), img_size=64).eval()
    whole = timm.create_model(name, img_size=64).eval()
    whole.load_state_dict(net.model.state_dict(), strict=False)
    with torch.no_grad():
        maps = net(x)
        _, expected = whole.forward_intermediates(x, indices=[0, 2])
    assert [m.shape[1:] for m in maps] == [(c, 4, 4) for c in net.feature_info.channels()]
    assert net.feature_info.reduction() == [16, 16]
    for ours, theirs in zip(maps, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("name", "size", "reduction"), [("t2t_vit_7", 100, 16), ("t2t_vit_14_no_t2t", 72, 16)])
def test_a_features_reduction_is_that_of_the_strides_whatever_the_size(name: str, size: int, reduction: int) -> None:
    net = timm.create_model(name, features_only=True, img_size=size)
    assert net.feature_info.reduction()[-1] == reduction


def test_prefix_tokens_go_with_the_maps_that_they_are_of() -> None:
    model = timm.create_model("t2t_vit_7_distilled", **SMALL).eval()
    with torch.no_grad():
        x = torch.randn(2, 3, 64, 64)
        final, pairs = model.forward_intermediates(x, [6], norm=True, output_fmt="NLC", return_prefix_tokens=True)
    ((tokens, prefix),) = pairs
    torch.testing.assert_close(torch.cat([prefix, tokens], dim=1), final)


def test_a_dense_model_that_is_cut_short_has_the_width_of_its_last_layer(x: torch.Tensor) -> None:
    model = timm.create_model("t2t_vit_dense", **SMALL).eval()
    with pytest.raises(ValueError, match="layer 3 puts out 160 channels, norm and head take 584: prune both of them"):
        model.prune_intermediate_layers([3])
    assert len(model.blocks) > 4, "nothing is half done"
    model.prune_intermediate_layers([3], prune_norm=True)
    assert model.num_features == model.head_hidden_size == 160
    model.reset_classifier(5)
    assert model(x).shape == (len(x), 5)


def test_intermediates_are_in_token_order_on_a_grid_that_is_not_square() -> None:
    model = timm.create_model("t2t_vit_7", img_size=(64, 96), num_classes=0).eval()
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        final, maps = model.forward_intermediates(x, indices=1, norm=True)
    assert maps[0].shape == (1, 256, 4, 6)
    torch.testing.assert_close(maps[0].flatten(2).transpose(1, 2), final[:, 1:])


def test_gradient_checkpointing_changes_no_gradient(x: torch.Tensor) -> None:
    model = timm.create_model("t2t_vit_7", **SMALL)
    gradients = []
    for enable in (False, True):
        model.set_grad_checkpointing(enable)
        model.zero_grad()
        torch.manual_seed(0)
        model.train()(x).sum().backward()
        gradients.append(model.blocks[0].attn.qkv.weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_optimizer_groups_spare_tokens_and_positions() -> None:
    model = timm.create_model("t2t_vit_7", **SMALL)
    optimizer = timm.optim.create_optimizer_v2(model, "adamw", lr=1e-3, weight_decay=0.1)
    spared = {id(p) for group in optimizer.param_groups if not group["weight_decay"] for p in group["params"]}
    assert id(model.cls_token) in spared
    assert id(model.head.weight) not in spared
    layered = timm.optim.create_optimizer_v2(model, "adamw", lr=1e-3, layer_decay=0.5)
    assert len({group["lr_scale"] for group in layered.param_groups}) == 7 + 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["t2t_vit_7", "t2t_vit_t_14", "t2t_vit_16_ghost"])
def test_exported_and_traced_programs_give_the_same_logits(name: str, x: torch.Tensor) -> None:
    model = timm.create_model(name, **SMALL).eval()
    with torch.no_grad():
        expected = model(x)
        exported = torch.export.export(model, (x,)).module()
        torch.testing.assert_close(exported(x), expected, atol=1e-5, rtol=1e-5)
        batch = ({0: torch.export.Dim("batch", min=2, max=64)},)
        of_any_batch = torch.export.export(model, (x,), dynamic_shapes=batch).module()
        many = x.repeat(3, 1, 1, 1)
        torch.testing.assert_close(of_any_batch(many), model(many), atol=1e-5, rtol=1e-5)
        traced = torch.jit.trace(model, x)
        torch.testing.assert_close(traced(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["t2t_vit_7", "t2t_vit_14_se"])
def test_torch_compile_captures_the_whole_model(name: str, x: torch.Tensor) -> None:
    model = timm.create_model(name, **SMALL).eval()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), model(x), atol=1e-5, rtol=1e-5)


def test_pretrained_takes_a_file_of_the_release_through_timm(tmp_path, x: torch.Tensor) -> None:
    source = timm.create_model("t2t_vit_7", img_size=64)
    path = tmp_path / "w.pth.tar"
    torch.save({"state_dict_ema": source.state_dict()}, path)
    overlay = {"file": str(path)}
    model = timm.create_model("t2t_vit_7", pretrained=True, pretrained_cfg_overlay=overlay, img_size=64)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(x), source.eval()(x))
