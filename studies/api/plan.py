"""What a run would train and cost."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from studies.api.resolving import expected, resolving
from studies.language.study import Study, checked_count, seed_list
from studies.planning.forecast import Forecast, forecast
from studies.planning.plan import make_plan
from studies.reporting.frames import store_root
from studies.store.store import Store
from studies.trials.scale import Scale


def plan(
    study: str | Path | Study,
    *,
    scale: str | Path | Scale | None = None,
    seeds: int | Sequence[int] | None = None,
    only: str | Sequence[str] = (),
    everything: bool = False,
    runs_dir: str | Path | None = None,
    devices: int | None = None,
    device_type: str | None = None,
    data_dir: str | Path | None = None,
    baseline_seeds: int | None = None,
    resolve: float | None = None,
    max_seeds: int | None = None,
) -> Forecast:
    """What `studies run` would train, at what cost, how long it would take; nothing is trained.

    Args:
        study: name of a study that ships, path of a file, or a study.
        scale: name, path, or a scale; default: the study's.
        seeds: how many, or which; default: the study's.
        only: arms or groups, `*` for any text.
        everything: the study's optional groups too.
        runs_dir: the store, a folder or a URL; default: $STUDIES_RUNS_DIR, else ./runs.
        devices: trials at a time; default: one a core, or a GPU.
        device_type: of the devices, `h100` say; default: this machine's.
        data_dir: folder of data sets that are read from files, to time some steps; default: $STUDIES_DATA.
        baseline_seeds: at least so many of each baseline; default: the study's.
        resolve: plan for a run with it (see `studies.run`): all that it may train, and in `.expected` what is expected.
        max_seeds: with `resolve`: most seeds of an arm; default: 20.

    Returns:
        The forecast: `.frame` has a row for each arm and seed, `.estimate` the seconds.

    Raises:
        SpecError: for bad input.
    """
    names = [only] if isinstance(only, str) else only
    store = Store(store_root(runs_dir))
    made = make_plan(study, scale, seed_list(seeds), names, everything, store, checked_count(baseline_seeds))
    data_root = None if data_dir is None else str(data_dir)
    asked = resolving(made, seed_list(seeds), resolve, max_seeds)
    if asked is None:
        return forecast(made, devices, device_type, data_root)
    whole = make_plan(made.study, made.scale, asked.order, names, everything, store, wanted=lambda arm, seed: True)
    costs = forecast(whole, devices, device_type, data_root)
    return replace(costs, expected=expected(asked, whole, costs))
