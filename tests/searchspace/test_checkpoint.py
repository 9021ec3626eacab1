import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

import reports
import searchspace
from searchspace.build import build
from searchspace.checkpoint import CheckpointError, convert
from searchspace.expand import override
from searchspace.presets import preset

HERE = Path(__file__).parent
PUBLISHED = json.loads((Path(reports.__file__).parent / "paper" / "published_checkpoints.json").read_text())
LOGITS = json.loads((HERE / "public_logits.json").read_text())["logits"]
LISTED_AS = {"t2t_vit_t_19": "t2t_vit_t_14", "t2t_vit_t_24": "t2t_vit_t_14"}  # else t2t_vit_14's names serve


def _load(name: str) -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rule = _load("public_rule")


def public_names(name: str) -> list[str]:
    """The names in the public release's file for a model."""
    listed = name if "state_dict" in PUBLISHED[name] else LISTED_AS.get(name, "t2t_vit_14")
    names = list(PUBLISHED[listed]["state_dict"])
    if PUBLISHED[listed]["note"].startswith("all"):
        return names
    layer = [n for n in names if n.startswith("blocks.0.")]
    depth = preset(name).backbone.depth  # type: ignore[union-attr]
    more = [n.replace("blocks.0.", f"blocks.{i}.") for i in range(1, depth) for n in layer]
    return [*names, *more]


def public_state(name: str) -> dict[str, torch.Tensor]:
    """A state dict as the public release would have it, its values by rule."""
    own = build(preset(name)).state_dict()
    ours = convert({n: torch.zeros(1) for n in public_names(name)})
    shapes = {}
    for theirs, mine in zip(public_names(name), ours, strict=True):
        shape = tuple(own[mine].shape)
        shapes[theirs] = (*shape, 1, 1) if "cheap_operation" in theirs else shape
    return {n: rule.weight(n, shape) for n, shape in shapes.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_logits_are_those_of_the_public_implementation(name: str, tmp_path: Path) -> None:
    torch.save({"state_dict_ema": public_state(name)}, tmp_path / "w.pth.tar")
    model = timm.create_model(name).eval()
    assert searchspace.load_checkpoint(model, tmp_path / "w.pth.tar") == []
    with torch.no_grad():
        logits = model(rule.picture())[0, :8]
    torch.testing.assert_close(logits, torch.tensor(LOGITS[name]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", [name for name in PUBLISHED if "state_dict" in PUBLISHED[name]])
def test_shapes_are_those_of_the_public_files(name: str) -> None:
    state = public_state(name)
    for key, shape in PUBLISHED[name]["state_dict"].items():
        assert list(state[key].shape) == shape, key


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return public_state("t2t_vit_7")


@pytest.fixture(scope="module")
def expected(state: dict[str, torch.Tensor]) -> torch.Tensor:
    return state["blocks.0.attn.proj.weight"]


def loaded(content: Any, path: Path, name: str = "t2t_vit_7", **overrides: Any) -> tuple[torch.nn.Module, list[str]]:
    torch.save(content, path)
    model = build(override(preset(name), overrides))
    return model, searchspace.load_checkpoint(model, path)


def zeros(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.zeros_like(value) for name, value in state.items()}


def test_wrappers_and_prefixes_are_seen_through_and_ema_is_preferred(
    state: dict[str, torch.Tensor], expected: torch.Tensor, tmp_path: Path
) -> None:
    import argparse

    prefixed = {f"module.{name}": value for name, value in state.items()}
    for content in (
        state,
        {"state_dict": state},
        {"state_dict": zeros(state), "state_dict_ema": prefixed},
        {f"_orig_mod.{name}": value for name, value in prefixed.items()},
        {"model": state, "epoch": 3, "args": argparse.Namespace(lr=1)},
    ):
        model, said = loaded(content, tmp_path / "w.pth")
        assert torch.equal(model.state_dict()["blocks.0.attn.proj.weight"], expected)
        assert said == []


def test_safetensors_and_our_own_state_dicts_load(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model, _ = loaded(state, tmp_path / "w.pth")
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    again = build(preset("t2t_vit_7"))
    assert searchspace.load_checkpoint(again, tmp_path / "w.safetensors") == []
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_another_number_of_classes_leaves_the_head_as_it_is(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, said = loaded(state, tmp_path / "w.pth", num_classes=10)
    torch.manual_seed(0)
    fresh = build(override(preset("t2t_vit_7"), {"num_classes": 10}))
    assert torch.equal(model.state_dict()["head.weight"], fresh.state_dict()["head.weight"])
    assert said == ["head is for 1000 classes and was left out: the model has 10"]


@pytest.mark.parametrize(("size", "grid"), [(384, (24, 24)), ([224, 320], (14, 20))])
def test_the_position_table_is_resized_to_another_resolution(
    state: dict[str, torch.Tensor], tmp_path: Path, size: object, grid: tuple[int, int]
) -> None:
    model, said = loaded(state, tmp_path / "w.pth", img_size=size)
    assert said == [f"the position table was resized from 14 x 14 to {grid[0]} x {grid[1]} tokens"]
    assert torch.equal(model.state_dict()["pos_embed"][:, 0], state["pos_embed"][:, 0])
    assert model.state_dict()["pos_embed"].shape[1] == 1 + grid[0] * grid[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {k: v for k, v in s.items() if k != "norm.bias"}, "missing: norm.bias"),
        (lambda s: s | {"extra.weight": torch.zeros(1)}, "not in the model: extra.weight"),
        (lambda s: s | {"norm.bias": torch.zeros(7)}, r"of another shape: norm.bias \(7,\) for \(256,\)"),
        (lambda s: s | {"head.bias": torch.zeros(3)}, r"of another shape: head.bias \(3,\) for \(1000,\)"),
        (lambda s: s | {"norm.bias": torch.zeros(256, dtype=torch.int32)}, "norm.bias is not a tensor of real numbers"),
        (lambda s: s | {"module.norm.bias": s["norm.bias"]}, "not in the model: module.norm.bias"),
        (lambda s: s | {"pos_embed": torch.zeros(5)}, r"of another shape: pos_embed \(5,\)"),
        (lambda s: {"epoch": 3}, "holds no state dict"),
        (lambda s: [1], "holds no state dict"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_first_names_and_nothing_is_loaded(
    state: dict[str, torch.Tensor], tmp_path: Path, change: Any, message: str
) -> None:
    torch.save(change(state), tmp_path / "w.pth")
    model = build(preset("t2t_vit_7"))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=message) as error:
        searchspace.load_checkpoint(model, tmp_path / "w.pth")
    assert "\n" not in str(error.value)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_model_without_a_head_takes_a_file_with_one(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    _, said = loaded(state, tmp_path / "w.pth", num_classes=0)
    assert said == ["head is for 1000 classes and was left out: the model has 0"]


def test_a_table_of_a_grid_that_is_not_square_needs_its_grid(tmp_path: Path) -> None:
    torch.manual_seed(0)
    wide = build(override(preset("t2t_vit_7"), {"img_size": [64, 144]}))
    torch.nn.init.normal_(wide.pos_embed)
    torch.save(wide.state_dict(), tmp_path / "w.pth")
    own_grid = build(override(preset("t2t_vit_7"), {"img_size": [64, 144]}))
    big = build(override(preset("t2t_vit_7"), {"img_size": [128, 288]}))
    said = searchspace.load_checkpoint(big, tmp_path / "w.pth", grid=(4, 9))
    assert said == ["the position table was resized from 4 x 9 to 8 x 18 tokens"]
    assert searchspace.load_checkpoint(own_grid, tmp_path / "w.pth", grid=(4, 9)) == []
    assert torch.equal(own_grid.pos_embed, wide.pos_embed)
    torch.save(build(override(preset("t2t_vit_7"), {"img_size": [64, 96]})).state_dict(), tmp_path / "v.pth")
    with pytest.raises(CheckpointError, match=r"24 tokens, which make no square: say which grid"):
        searchspace.load_checkpoint(big, tmp_path / "v.pth")


def test_a_checkpoint_of_another_model_is_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"of another model; missing: blocks\.7"):
        loaded(state, tmp_path / "w.pth", name="t2t_vit_10")


def test_files_that_are_torn_missing_or_dangerous_are_one_line(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    import os

    model = build(preset("t2t_vit_7"))
    path = tmp_path / "w.pth"
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"cannot read .*torn"):
        searchspace.load_checkpoint(model, path)
    with pytest.raises(CheckpointError, match="no such file"):
        searchspace.load_checkpoint(model, tmp_path / "none.pth")

    class Evil:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"state_dict": Evil()}, path)
    with pytest.raises(CheckpointError, match=r"it holds objects \(\w+.mkdir\)"):
        searchspace.load_checkpoint(model, path)
    assert not (tmp_path / "ran").exists()
