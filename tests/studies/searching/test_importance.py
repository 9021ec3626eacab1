"""Which knobs accuracy depends on."""

import optuna
import pytest

from studies.searching.importance import importance


def study(trials: int) -> optuna.Study:
    """The first objective depends on `width` alone; `fixed` has one value, `rare` not every trial has."""
    made = optuna.create_study(directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        width, depth = trial.suggest_int("width", 1, 8), trial.suggest_int("depth", 1, 8)
        trial.suggest_categorical("fixed", [64])
        if depth > 4:
            trial.suggest_int("rare", 0, 1)
        return float(width), float(depth)

    made.optimize(objective, trials)
    return made


def test_the_knob_that_decides_has_all_the_variance() -> None:
    found = importance(study(40))
    assert [row["knob"] for row in found] == ["width", "depth"]
    assert found[0]["mean"] == pytest.approx(1.0, abs=0.05)
    assert importance(study(40)) == found, "the same for the same trials"


def test_each_objective_has_its_own() -> None:
    assert importance(study(40), 1)[0]["knob"] == "depth"


def test_nothing_is_said_of_too_few_candidates_or_of_none_that_differ() -> None:
    assert importance(study(9)) == []
    same = optuna.create_study()
    same.optimize(lambda trial: 0.0 * trial.suggest_int("width", 1, 8), 12)
    assert importance(same) == []
