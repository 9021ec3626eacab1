import io
import subprocess
import sys
from math import lcm
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from searchspace.cost import remembered, telling, traced
from searchspace.cost.composed import parts
from searchspace.cost.remembered import costs
from searchspace.cost.traced import cost
from searchspace.expand import override
from searchspace.presets import names, preset
from searchspace.spec import CnnSpec, ModelSpec, TransformerSpec, model_spec

TRANSFORMERS = [name for name in names() if isinstance(preset(name), TransformerSpec)]
SPLITS = [[[3, 2, 1]], [[3, 2, 1], [3, 2, 1]], [[5, 2, 2], [3, 1, 1], [3, 2, 1]]]


@st.composite
def transformers(draw: st.DrawFn) -> ModelSpec:
    """Small transformers, with every choice of a block."""

    def some(*values: Any) -> Any:
        return draw(st.sampled_from(values))

    tokenizer: dict[str, Any] = {"kind": some("patch", "t2t", "conv")}
    if tokenizer["kind"] == "patch":
        tokenizer["patch_size"] = some(4, 8)
    else:
        tokenizer |= {"token_dim": some(4, 6, 16), "splits": some(*SPLITS)}
    if tokenizer["kind"] == "t2t":
        tokenizer["mixer"] = some("performer", "transformer", "none")
    heads = some(1, 2, 4)
    layers = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    step = lcm(heads, 2)
    dense = some(None, {"layers": layers, "growth_rate": step * some(1, 2)})
    options = {
        "mlp_ratio": st.sampled_from([2, 3]),
        "num_heads": st.sampled_from([h for h in (1, 2, 4) if h <= heads]),
        "attention": st.sampled_from(["full", "ghost"]),
        "mlp": st.sampled_from(["full", "ghost"]),
        "channel_attention": st.sampled_from(["none", "squeeze_excite"]),
        "qkv_bias": st.booleans(),
    }
    stage = st.fixed_dictionaries({}, optional=options)
    stages = None if dense else some(None, [draw(stage) | {"depth": depth} for depth in layers])
    backbone = {
        "embed_dim": 4 * heads * some(1, 2, 3),
        "depth": sum(layers),
        "num_heads": heads,
        "mlp": some("full", "ghost"),
        "mlp_ratio": some(2, 3),
        "attention": some("full", "ghost"),
        "qkv_bias": some(True, False),
        "channel_attention": some("none", "squeeze_excite"),
        "se_reduction": some(2, 4),
        "dense": dense,
        "stages": stages,
        "position": some("sinusoid", "learned", "none"),
        "drop_path_rate": some(0.0, 0.1),
    }
    size = some(16, [16, 24], 32)
    more = {"distilled": some(True, False), "num_classes": some(0, 1, 10), "in_chans": some(1, 3), "img_size": size}
    return model_spec({"tokenizer": tokenizer, "backbone": backbone} | more)


@given(transformers())
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_the_parts_of_a_random_transformer_cost_what_the_whole_does(spec: ModelSpec) -> None:
    assert costs([spec]) == [cost(spec).as_dict()]


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_the_parts_of_every_preset_cost_what_the_whole_does(name: str) -> None:
    assert costs([preset(name)]) == [cost(preset(name)).as_dict()]


def test_equal_layers_are_one_part_each() -> None:
    deep = override(preset("t2t_vit_14"), {"backbone.depth": 140})
    assert set(parts(deep)) == set(parts(preset("t2t_vit_14")))
    assert {part.kind: n for part, n in parts(deep).items() if part.kind in ("attention", "mlp")} == {
        "attention": 140,
        "mlp": 140,
    }


def test_a_part_is_counted_once_for_all_models_that_have_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(remembered, "_known", {})
    counted = []
    part_cost = traced.part_cost
    monkeypatch.setattr(traced, "part_cost", lambda part: counted.append(part) or part_cost(part))
    base = preset("t2t_vit_7")
    costs([base, override(base, {"backbone.depth": 9})])
    assert len(counted) == len(set(counted)) == len(parts(base))
    monkeypatch.setattr(remembered, "_known", {})  # as in the next command
    costs([override(base, {"backbone.depth": 11})])
    assert len(counted) == len(parts(base))


def test_known_parts_need_no_torch() -> None:
    costs([preset("t2t_vit_7")])
    code = (
        "import sys; from searchspace.presets import preset; from searchspace.cost.remembered import costs; "
        "print(costs([preset('t2t_vit_7')])[0]['params']); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(cost(preset("t2t_vit_7")).params), done.stderr


def test_what_was_counted_before_an_error_is_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(remembered, "_known", {})
    unknown = CnnSpec(library="timm", name="no_such_net")
    with pytest.raises(ValueError, match="no_such_net"):
        costs([preset("t2t_vit_7"), unknown])
    monkeypatch.setattr(remembered, "_known", {})
    monkeypatch.setattr(traced, "part_cost", None)
    assert costs([preset("t2t_vit_7")])


@pytest.mark.parametrize("terminal", [True, False])
def test_counting_shows_how_far_it_is_on_a_terminal_and_elsewhere_one_line_once_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, terminal: bool
) -> None:
    monkeypatch.setattr(telling, "PATIENCE", 0.0)
    monkeypatch.setattr(telling, "_told", False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(remembered, "_known", {})
    stderr = io.StringIO()
    monkeypatch.setattr(stderr, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", stderr)
    costs([preset("t2t_vit_7")])
    count = len(parts(preset("t2t_vit_7")))
    assert (f"counting the cost of part {count} of {count} ..." in stderr.getvalue()) == terminal
    said = stderr.getvalue()
    if terminal:
        assert said.endswith(telling.CLEAR_LINE), "and leaves nothing"
    else:
        file = tmp_path / "t2t-studies" / "costs.json"
        assert said == f"counting the cost of {count} parts, once: remembered in {file}\n"
    costs([preset("t2t_vit_7")])
    assert stderr.getvalue() == said, "what is known is not counted"
    costs([override(preset("t2t_vit_7"), {"backbone.mlp_ratio": 1.5})])
    assert stderr.getvalue() != said if terminal else stderr.getvalue() == said, "it says so once"


def test_counting_that_takes_no_time_says_nothing_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(remembered, "_known", {})
    monkeypatch.setattr(telling, "PATIENCE", float("inf"))
    monkeypatch.setattr(telling, "_told", False)
    costs([preset("t2t_vit_7")])
    assert capsys.readouterr().err == ""
