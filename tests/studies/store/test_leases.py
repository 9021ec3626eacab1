"""Leases, of this process and of real other ones."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from holders import T, put, take
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.store import leases
from studies.store.files import Files, open_files
from studies.store.leases import Patience, acquire, born, host, in_use, newest

# Takes each trial that its input names, says whether it got it, and lives until its input ends.
TAKER = """
import sys
from studies.store.files import open_files
from studies.store.leases import acquire
files, run = open_files(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
for line in sys.stdin:
    print(int(acquire(files, line.strip(), run) is not None), flush=True)
"""


@pytest.fixture
def taker(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a process that takes trials of the store in tmp_path for a run."""
    started = []

    def start(run: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", TAKER, str(tmp_path), run]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        with suppress(OSError):
            process.communicate()


def ask(processes: list[subprocess.Popen[str]], trial_id: str) -> list[bool]:
    """Let processes take a trial at once; who got it."""
    for process in processes:
        process.stdin.write(f"{trial_id}\n")
    for process in processes:
        process.stdin.flush()
    return [process.stdout.readline() == "1\n" for process in processes]


def test_a_free_trial_is_taken_held_renewed_and_released(files: Files) -> None:
    lease = take(files)
    assert lease.held()
    number, holder = newest(files, T)
    assert (number, holder.run, holder.host, holder.pid) == (1, "ours", host(), os.getpid())
    assert holder.born == born(os.getpid()) != ""
    assert in_use(files, T)
    lease.renew()
    lease.renew()
    assert newest(files, T)[1].beat == 2
    assert lease.held()
    lease.release()
    assert not lease.held()
    assert newest(files, T) is None
    assert not in_use(files, T)
    assert files.names(f"trials/{T}") == []


def test_nobody_has_a_trial_that_is_not_there(files: Files) -> None:
    assert newest(files, T) is None
    assert not in_use(files, T)
    assert not files.exists("trials")


def test_a_living_lease_of_another_run_is_respected(files: Files) -> None:
    lease = take(files)
    assert acquire(files, T, "another") is None
    assert lease.held()
    assert files.names(f"trials/{T}") == ["lease.1.json"]
    lease.release()
    assert take(files, "another").held()


def test_a_run_takes_over_its_own_lease(files: Files) -> None:
    before, after = take(files), take(files)
    assert after.held() and not before.held()
    assert files.names(f"trials/{T}") == ["lease.2.json"]


def test_a_holder_that_was_taken_over_cannot_get_back_in(files: Files) -> None:
    before = take(files, "slept")
    after = take(files, "ours", dead=before.holder.token)
    assert not before.held()
    before.renew()
    assert not before.held() and after.held()
    assert newest(files, T)[1].run == "ours"
    before.release()
    assert after.held()


def test_a_lease_is_told_from_a_later_one_of_the_same_number(files: Files) -> None:
    before = take(files)
    before.release()
    after = take(files, "another")
    assert before.name == after.name
    assert after.held() and not before.held()


def test_a_dead_lease_says_nothing_of_a_later_one_of_its_number(files: Files) -> None:
    put(files, token="later")
    assert acquire(files, T, "ours", dead="earlier") is None
    assert acquire(files, T, "ours", dead="later") is not None


def test_a_lease_that_is_made_late_does_not_hold(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    put(files, number=2)
    with monkeypatch.context() as patch:
        patch.setattr(leases, "newest", lambda *_: None)  # nobody was there when it looked
        patch.setattr(leases.Lease, "held", lambda lease: newest(files, T)[0] == lease.number)
        assert acquire(files, T, "ours") is None
    assert files.names(f"trials/{T}") == ["lease.2.json"]


def test_the_highest_number_holds_and_what_is_below_goes(files: Files) -> None:
    for number in (2, 9, 10):
        put(files, number, born="1")
    files.write(f"trials/{T}/lease.json", b"{}")
    files.write(f"trials/{T}/lease.x.json", b"{}")
    assert newest(files, T)[0] == 10
    assert take(files).number == 11
    assert files.names(f"trials/{T}") == ["lease.11.json", "lease.json", "lease.x.json"]


@pytest.mark.parametrize("reaped", [True, False])
def test_a_lease_of_a_killed_process_is_taken_at_once(
    reaped: bool, taker: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    if not reaped and not Path("/proc/self/stat").exists():
        pytest.skip("only Linux tells of a process that is dead and not waited for")
    files, process = open_files(tmp_path), taker("theirs")
    assert process.stdout.readline() == "ready\n"
    assert ask([process], T) == [True]
    assert newest(files, T)[1].pid == process.pid
    assert in_use(files, T)
    assert acquire(files, T, "ours") is None, "it lives"
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    if reaped:
        process.wait()
    assert not in_use(files, T)
    assert Patience().dead(T, *newest(files, T))
    lease = take(files)
    assert lease.number == 2 and lease.held()


def test_a_process_number_used_again_is_told_apart(files: Files) -> None:
    holder = put(files, born="1")
    assert holder.pid == os.getpid()
    assert not in_use(files, T)
    assert Patience().dead(T, 1, holder)
    assert take(files).held()


def test_a_process_is_born_once_and_gone_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    first = born(process.pid)
    assert first and first == born(process.pid)
    process.communicate(b"\n")
    assert born(process.pid) == ""
    assert born(2**22 + 1) == ""


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b"5", b'{"run": "theirs"}', b'{"more": 1}', b"\xff"])
def test_a_lease_that_cannot_be_read_is_of_nobody(files: Files, content: bytes) -> None:
    files.write(f"trials/{T}/lease.3.json", content)
    number, holder = newest(files, T)
    assert (number, holder.run) == (3, "")
    assert not in_use(files, T)
    assert Patience().dead(T, number, holder)
    assert take(files).number == 4


def test_a_lease_cut_anywhere_is_of_nobody() -> None:
    files = open_files(f"memory://{uuid.uuid4().hex}")
    put(files)
    name = f"trials/{T}/lease.1.json"
    content = files.read(name)
    for length in range(len(content)):
        files.write(name, content[:length])
        assert not in_use(files, T)
        lease = take(files)
        assert lease.number == 2
        lease.release()


@settings(deadline=None)
@given(st.integers(min_value=0))
def test_a_bit_flipped_in_a_lease_breaks_nothing(bit: int) -> None:
    files = open_files(f"memory://{uuid.uuid4().hex}")
    put(files)
    name = f"trials/{T}/lease.1.json"
    content = bytearray(files.read(name))
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    files.write(name, bytes(content))
    in_use(files, T)
    number, holder = newest(files, T)
    Patience().dead(T, number, holder)
    assert (acquire(files, T, "ours") or take(files, dead=holder.token)).held()


def test_of_eight_processes_one_gets_the_lease(taker: Callable[[str], subprocess.Popen[str]], tmp_path: Path) -> None:
    files = open_files(tmp_path)
    processes = [taker(f"run {i}") for i in range(8)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 8
    for i in range(30):
        trial_id, there = f"trial-{i}", i % 3
        if there == 1:
            put(files, trial_id=trial_id, born="1")  # of a dead process
        if there == 2:
            files.write(f"trials/{trial_id}/lease.1.json", b"{")  # torn
        got = ask(processes, trial_id)
        assert sum(got) == 1
        number, holder = newest(files, trial_id)
        assert number == (2 if there else 1)
        assert holder.run == f"run {got.index(True)}"
        assert holder.pid == processes[got.index(True)].pid
        assert files.names(f"trials/{trial_id}") == [f"lease.{number}.json"]
        assert in_use(files, trial_id)


def test_a_lease_that_vanishes_between_listing_and_reading_is_looked_for_again(files: Files) -> None:
    put(files, 2)
    found = leases.newest(files, T, ["lease.1.json"])
    assert found is not None and found[0] == 2, "another run had taken it over meanwhile"
    assert leases.in_use(files, T, ["lease.1.json"])
    assert leases.newest(files, "none", ["lease.1.json"]) is None
