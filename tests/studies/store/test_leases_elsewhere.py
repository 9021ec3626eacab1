"""Leases of machines that are not here: alive as long as they change, by the watcher's own clock."""

import time
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest
from holders import T, put, take
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.store import leases
from studies.store.files import Files
from studies.store.leases import LEASE_SECONDS, Holder, Patience, acquire, in_use, newest


def test_a_lease_of_another_machine_is_not_taken_at_one_look(files: Files) -> None:
    for moment in (0.0, time.time(), 4e9):
        number, holder = 1, put(files, host="elsewhere", time=moment)
        assert acquire(files, T, "ours") is None
        assert not Patience().dead(T, number, holder)


def test_a_table_believes_a_lease_of_another_machine_while_it_is_renewed(files: Files) -> None:
    put(files, host="elsewhere", time=time.time() - LEASE_SECONDS / 2)
    assert in_use(files, T)
    put(files, host="elsewhere", time=time.time() - 2 * LEASE_SECONDS)
    assert not in_use(files, T)


def test_a_lease_of_another_machine_is_taken_when_it_did_not_change(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SimpleNamespace(monotonic=1000.0, time=time.time())
    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: now.monotonic, time=lambda: now.time))
    patience = Patience()
    put(files, host="elsewhere")
    assert not patience.dead(T, *newest(files, T))
    now.monotonic += LEASE_SECONDS - 1
    assert not patience.dead(T, *newest(files, T))
    put(files, host="elsewhere", beat=1)
    assert not patience.dead(T, *newest(files, T)), "it was renewed"
    now.monotonic += LEASE_SECONDS - 1
    now.time += 1e9
    assert not patience.dead(T, *newest(files, T)), "a clock that jumps decides nothing"
    now.monotonic += 2
    assert patience.dead(T, *newest(files, T))
    assert acquire(files, T, "ours") is None, "who does not know that it is dead leaves it"
    lease = take(files, dead=newest(files, T)[1].token)
    assert lease.held()
    assert newest(files, T)[1].run == "ours"


STEPS = st.tuples(
    st.floats(0, 2 * LEASE_SECONDS),  # seconds that pass
    st.sampled_from(["nothing", "nothing", "beat", "another", "next number"]),  # what changes meanwhile
    st.floats(-1e9, 1e9),  # how far everybody's clock jumps
)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_patience_ends_after_so_long_without_a_change_whatever_clocks_say(steps: list[tuple]) -> None:
    now = SimpleNamespace(monotonic=5.0, time=1e9)
    patience, number, unchanged_since = Patience(), 1, 5.0
    holder = Holder("theirs", "elsewhere", 1, "1", now.time, 0, "token")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: now.monotonic, time=lambda: now.time))
        assert not patience.dead(T, number, holder)
        for seconds, change, jump in steps:
            now.monotonic += seconds
            now.time += jump
            if change == "beat":
                holder = replace(holder, beat=holder.beat + 1, time=now.time)
            elif change == "another":
                holder = replace(holder, beat=0, token=uuid.uuid4().hex)
            elif change == "next number":
                number += 1
            if change != "nothing":
                unchanged_since = now.monotonic
            dead = now.monotonic - unchanged_since > LEASE_SECONDS
            assert patience.dead(T, number, replace(holder, time=holder.time + jump)) == dead
            assert not patience.dead(f"{T} too", number, replace(holder, token=uuid.uuid4().hex))
