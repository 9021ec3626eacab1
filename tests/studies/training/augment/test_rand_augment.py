import random
from math import inf

import pytest
import torch
from pictures import coloured_digits
from timm.data import auto_augment as timm_ops

from studies.training.data.augment.rand_augment import EACH, NAMES, RandAugmentStage, argument
from studies.trials.rand_augment import RandAugment, rand_augment

FILL = (1, 2, 3)
INCREASING = {name.removesuffix("Increasing"): name for name in timm_ops._RAND_INCREASING_TRANSFORMS}


def uniform(count: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_operations_are_the_fifteen_of_timm() -> None:
    assert len(NAMES) == 15
    assert set(NAMES) == set(timm_ops._RAND_TRANSFORMS) == set(INCREASING)


@pytest.mark.parametrize("inc", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_an_argument_is_what_timm_makes_of_the_magnitude(name: str, inc: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = timm_ops.LEVEL_TO_ARG[INCREASING[name] if inc else name]
    if theirs is None:
        pytest.skip("takes no argument")
    levels = torch.cat((torch.linspace(0, 10, 101), torch.tensor([7.499, 2.5001]))).double()
    for sign in (1.0, -1.0):
        monkeypatch.setattr(timm_ops, "_randomly_negate", lambda v, sign=sign: sign * v)
        expected = [theirs(level, {"translate_const": 14})[0] for level in levels.tolist()]
        made = argument(inc, name)(levels, torch.full_like(levels, sign))
        torch.testing.assert_close(made, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("words", ["rand-m9-mstd0.5-inc1", "rand-m3-mstd4", "rand-m7-mstd101", "rand-m10"])
def test_magnitudes_are_distributed_as_timms(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    monkeypatch.setitem(timm_ops.LEVEL_TO_ARG, "Solarize", lambda level, _: (seen.append(level) or 1,))
    monkeypatch.setitem(timm_ops.NAME_TO_OP, "Solarize", lambda img, *_, **__: img)
    random.seed(0)
    timms = timm_ops.rand_augment_transform(words + "-p1-n1", {"img_mean": FILL}, ["Solarize"])
    for _ in range(4000):
        timms(None)
    ours = RandAugmentStage(rand_augment(words), FILL, "bicubic").magnitudes(uniform(4000, 1)[:, 0])
    theirs = torch.tensor(seen, dtype=torch.float64)
    shares = torch.linspace(0, 1, 21, dtype=torch.float64)
    apart = (ours.quantile(shares) - theirs.quantile(shares)).abs()
    assert apart[1:-1].max() <= 0.25 * max(0.2, float(theirs.std()))
    assert abs((ours == 10).double().mean() - (theirs == 10).double().mean()) < 0.02
    assert ours.min() >= 0 and ours.max() <= 10


def test_layers_and_operations_are_drawn_as_often_as_timm_draws_them() -> None:
    stage, drawn = RandAugmentStage(rand_augment("rand-m5-n1-p0.5"), FILL, "bilinear"), dict.fromkeys(NAMES, 0)

    def count(name: str, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        drawn[name] += len(x)
        return x

    stage.changed = count  # type: ignore[method-assign]
    stage(torch.zeros(30_000, 3, 1, 1, dtype=torch.uint8), uniform(30_000, stage.numbers))
    assert all(abs(n - 1000) < 150 for n in drawn.values()), drawn


def test_a_batch_gets_what_each_of_its_pictures_gets_alone() -> None:
    x = coloured_digits(40)[0]
    stage = RandAugmentStage(rand_augment("rand-m9-n3-p1-mstd0.5-inc1"), FILL, "random")
    u = uniform(40, stage.numbers)
    together = stage(x.clone(), u)
    alone = torch.cat([stage(x[i : i + 1].clone(), u[i : i + 1]) for i in range(40)])
    assert torch.equal(together, alone)
    assert (together != x).flatten(1).any(1).sum() > 35
    assert stage.numbers == 3 * EACH


def test_words_are_read_as_timm_reads_them() -> None:
    assert rand_augment("rand-m9-mstd0.5-inc1") == RandAugment(m=9, n=2, p=0.5, mstd=0.5, inc=True)
    assert rand_augment("rand") == RandAugment(m=10, n=2, p=0.5, mstd=0.0, inc=False)
    assert rand_augment("rand-mstd101").mstd == inf
    for words in ("rand", "rand-m9-mstd0.5-inc1", "rand-n3-p0.25-m4"):
        read, theirs = rand_augment(words), timm_ops.rand_augment_transform(words)
        operation = theirs.ops[0]
        assert (read.m, read.n, read.p) == (operation.magnitude, theirs.num_layers, operation.prob)
        assert read.mstd == operation.magnitude_std
        assert read.inc == any(one.name.endswith("Increasing") for one in theirs.ops)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("rand-m9.5", "magnitude, a whole number from 0 to 10, got m9.5"),
        ("rand-m11", "magnitude, a whole number from 0 to 10, got m11"),
        ("rand-p2", "from 0 to 1, got p2"),
        ("rand-n0", "from 1 to 16, got n0"),
        ("rand-w0", "'w0' is no part of RandAugment; known: m, n, p, mstd, inc"),
        ("rand-m", "'m' is no part"),
        ("augmix-m3", "must begin with rand"),
    ],
)
def test_words_that_cannot_be_are_refused_with_what_would_work(words: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rand_augment(words)
