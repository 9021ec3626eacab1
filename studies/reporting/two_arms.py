"""Two arms of a study beside each other."""

import shlex
from collections.abc import Sequence

from reports.render import as_csv, as_json, render
from reports.two_arms import section, two_arms
from searchspace.expand import SpecError
from studies.language.expansion import at_scale
from studies.language.study import Study
from studies.reporting.frames import results
from studies.reporting.provenance import facts, problems
from studies.reporting.structures import misnamed
from studies.reporting.tables import described, looked_at, of_trials
from studies.store.store import Store
from studies.trials.scale import Scale


def compare(
    study: Study,
    scale: Scale,
    store: Store,
    names: tuple[str, str],
    seeds: Sequence[int] | None = None,
    style: str = "text",
    command: str = "",
) -> str:
    """The first arm that is named compared with the second, as text or a page; `command` trains what is missing.

    Raises:
        SpecError: if an arm is not in the study, or not at this scale, or they are the same.
    """
    arms = [study.arm_called(name) for name in names]
    if arms[0] is arms[1]:
        raise SpecError(f"two different arms are compared, got {names[0]!r} twice")
    scaled = at_scale(study, scale)
    for item in scaled:
        if item.arm in arms and item.model is None:
            raise SpecError(f"{item.arm.name} is not at scale {scale.scale}: {item.refusal}")
    frame = results(study, store.root, scale, seeds)
    labels = [arm.name if arms[0].name != arms[1].name else arm.full_name for arm in arms]
    first, second = (
        frame[(frame["group"] == arm.group) & (frame["arm"] == arm.name)].assign(arm=label)
        for arm, label in zip(arms, labels, strict=True)
    )
    level, looked = looked_at(store, study, scale)
    rows = two_arms(first, second, level)
    if style in ("csv", "json"):
        return as_csv(rows) if style == "csv" else as_json(rows)
    both = frame[frame["trial"].isin([*first["trial"], *second["trial"]])].drop_duplicates("trial")
    unfit = misnamed(scaled)
    notes = [
        f"{label} is not what its name says here: {unfit[arm.key]}."
        for arm, label in zip(arms, labels, strict=True)
        if arm.key in unfit
    ]
    notes += looked + of_trials(scale, both[both["status"] == "done"])
    missing = [shlex.quote(arm.name) for arm, n in zip(arms, rows["n"], strict=True) if not n]
    only = "".join(f" --only {name}" for name in missing)
    to_train = [f"To train what is missing: {command}{only}"] if missing and command else []
    title = f"{labels[0]} against {labels[1]}"
    made = section(rows, f"{title}, at scale {described(scale)}", notes)
    if style == "html":
        from reports.page import Page, html  # which imports matplotlib

        found = [made.remarks[0], *to_train]
        return html(Page(title, study.question, facts(both, scale, store), found, [made], problems(both)))
    text = f"{render([made], style)}\n"
    return text + "".join(f"{line}\n" for line in to_train) if style == "text" else text
