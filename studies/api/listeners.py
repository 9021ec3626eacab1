"""Who listens to a run beside its progress: trackers, and the page."""

from collections.abc import Sequence
from pathlib import Path

from studies.api.how import How
from studies.api.live_page import LivePage
from studies.api.progress import Progress
from studies.api.wording import say
from studies.planning.plan import Plan
from studies.reporting.frames import fields
from studies.tracking.listening import Listening
from studies.tracking.opened import open_trackers
from studies.tracking.tracker import Tracked, Tracker


def listeners(plan: Plan, how: How) -> list[Tracker]:
    """Those that a run is to have, ready.

    Raises:
        SpecError: if one cannot begin.
    """
    made: list[Tracker] = []
    if how.page is not None:
        page = LivePage(plan, how.page, waits=how.executor != "inline")
        page.check()
        made.append(page)
    return made + open_trackers(list(dict.fromkeys(how.trackers)), plan.store.folder_here)


def listening(plan: Plan, progress: Progress, audience: Sequence[Tracker]) -> Listening:
    """The events of a run, for its progress and those who listen."""
    for one in audience:
        progress.say(f"{one.title}: {one.where}")
    names = plan.names
    trials = {trial.id: trial for trial in plan.trials}
    arms = {trial.id: arm for arm, trial in reversed(plan.arms)}

    def tracked(trial_id: str) -> Tracked:
        trial, arm = trials[trial_id], arms.get(trial_id)
        return Tracked(
            id=trial_id,
            name=names[trial_id],
            study=plan.study.name,
            scale=plan.scale.scale,
            group=arm.group if arm else "",
            arm=arm.name if arm else "",
            seed=trial.seed,
            config=fields(trial),
        )

    return Listening(progress, audience, tracked, lambda text: progress.say(f"studies: {text}"))


def page_of_the_end(plan: Plan, how: How) -> Path | None:
    """Write the page of a run that is over, if there is to be one; where it is. Nothing about it can fail the run."""
    if how.page is None:
        return None
    page = LivePage(plan, how.page)
    try:
        page.write()
    except Exception as error:
        say(f"studies: no page {page.file}: {' '.join(str(error).split()) or type(error).__name__}")
        return None
    return page.file
