"""Feed a queue with what searches propose, and tell them what came of it: as many at a time as can be trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studies.engine.events import Events
from studies.engine.queue import Queue
from studies.searching.search import Proposal, Search, result_in
from studies.store.checkpoints import load_checkpoint
from studies.store.store import Store
from studies.trials.results import EpochRecord, Figures

MOST_FAILURES = 5  # of the first candidates, after which the fault is taken not to be theirs


@dataclass
class Wanted:
    """A search, and how many candidates it is to have in all."""

    search: Search
    trials: int

    @property
    def open(self) -> bool:
        """Whether more are to be proposed, or tried again."""
        return bool(self.search.failed) or (len(self.search) < self.trials and not self.search.exhausted)

    @property
    def left(self) -> int:
        """How many are still to be evaluated."""
        search = self.search
        return max(0, self.trials - len(search)) + len(search.running) + len(search.failed)

    def next(self) -> Proposal | None:
        """A candidate that failed before, else a new one; None if no feasible one is left."""
        return self.search.retry() if self.search.failed else self.search.propose()


class Loop:
    """Passes on the events of a run, and acts on each end: tell the search, propose the next, add it to the queue.

    Args:
        store: that has their trials.
        events: that all is passed on to.
        at_a_time: how many candidates are trained at a time, or wait for a worker.
        announce: called with each candidate before it is in the queue, or told at once: with its accuracy then.

    Attributes:
        hopeless: why the first candidates all failed; "" if they did not.
    """

    def __init__(
        self,
        store: Store,
        events: Events,
        at_a_time: int,
        announce: Callable[[Search, Proposal, float | None], None],
    ) -> None:
        self.store, self.events = store, events
        self.at_a_time, self.announce = at_a_time, announce
        self.searches: Sequence[Wanted] = ()
        self.queue: Queue | None = None
        self.hopeless = ""
        self._waiting: dict[str, list[tuple[Search, int]]] = {}  # for each trial, the candidates that it ranks
        self._failed: dict[str, str] = {}
        self._expected: set[str] = set()  # trials that failed before
        self._done = 0

    def begin(self, queue: Queue, searches: Sequence[Wanted]) -> None:
        """Take up what a process that was killed has left, and propose; the searches are completed in this order."""
        self.queue, self.searches = queue, searches
        if any(wanted.search.any_done for wanted in searches):
            # What failed before may fail for ever: it says nothing of the rest.
            self._expected = {trial.user_attrs["trial"] for w in searches for trial in w.search.failed}
        queue.hold_open()
        for wanted in self.searches:
            for number, candidate in sorted(wanted.search.running.items()):
                # One that is done is told when the queue comes to it: in the order in which it would have been.
                self._train(wanted.search, Proposal(number, candidate))
        self._fill()

    def _fill(self) -> None:
        """Propose until enough is in the queue."""
        queue = self.queue
        assert queue is not None
        while not queue.closed and sum(len(w.search.running) for w in self.searches) < self.at_a_time:
            wanted = next((w for w in self.searches if w.open), None)
            if wanted is None or self.hopeless:
                break
            proposal = wanted.next()
            if proposal is not None:
                self._add(wanted.search, proposal)
        if not any(wanted.search.running for wanted in self.searches):
            queue.let_finish()

    def _add(self, search: Search, proposal: Proposal) -> None:
        """Have a candidate trained; one whose trial has ended already is told at once."""
        trial = proposal.candidate.trial
        if trial.id in self._failed:
            search.tell(proposal.number, None)
        elif trial.id not in self._waiting and (top1 := result_in(self.store, trial.id)) is not None:
            self.announce(search, proposal, top1)
            search.tell(proposal.number, top1)
            self._done += 1
        else:
            self._train(search, proposal)

    def _train(self, search: Search, proposal: Proposal) -> None:
        trial = proposal.candidate.trial
        self._waiting.setdefault(trial.id, []).append((search, proposal.number))
        self.announce(search, proposal, None)
        self.store.plan(trial)
        assert self.queue is not None
        if search.rungs and self._has_ended(trial.id):
            return
        # Of equal weight, so that the order is that of the proposals: what is told when decides what is proposed.
        self.queue.add([trial], {trial.id: 1.0})

    def _ended(self, trial_id: str, top1: float | None) -> None:
        for search, number in self._waiting.pop(trial_id, ()):
            search.tell(number, top1)
        self._fill()

    def stops(self, trial_id: str, record: EpochRecord) -> bool:
        """Whether a trial is to be stopped after an epoch: if no search needs it any longer."""
        stops = [search.stops(number, record) for search, number in self._waiting.get(trial_id, ())]
        return bool(stops) and all(stops)

    def _has_ended(self, trial_id: str) -> bool:
        """Whether a trial that was begun earlier is at a rung where it ends: its last epoch may not have been told."""
        if self.store.done(trial_id):
            return False
        stops = False
        for record in (load_checkpoint(self.store, trial_id) or {}).get("history", ()):
            stops = self.stops(trial_id, record)
        if stops:
            assert self.queue is not None
            self.store.prune(trial_id, record["epoch"], record["top1"], self.queue.run)
            self._stop(trial_id, record["epoch"])
        return stops

    def started(self, trial_id: str) -> None:
        """A worker has taken a trial."""
        self.events.started(trial_id)

    def epoch(self, trial_id: str, record: EpochRecord) -> None:
        """An epoch of a trial is trained."""
        self.events.epoch(trial_id, record)

    def done(self, trial_id: str, figures: Figures, here: bool) -> None:
        """A trial is done."""
        self.events.done(trial_id, figures, here)
        self._done += 1
        self._ended(trial_id, figures["top1"])

    def failed(self, trial_id: str, reason: str) -> None:
        """A trial failed."""
        self.events.failed(trial_id, reason)
        self._failed[trial_id] = reason
        if len(self._failed.keys() - self._expected) >= MOST_FAILURES and not self._done:
            self.hopeless = reason
        self._ended(trial_id, None)

    def pruned(self, trial_id: str, epoch: int) -> None:
        """A trial was stopped early."""
        self._stop(trial_id, epoch)
        self._fill()

    def _stop(self, trial_id: str, epoch: int) -> None:
        self.events.pruned(trial_id, epoch)
        self._done += 1
        for search, number in self._waiting.pop(trial_id, ()):
            search.stopped(number)

    def held_elsewhere(self, trials: Sequence[str]) -> None:
        """These trials are trained by other runs now."""
        self.events.held_elsewhere(trials)
