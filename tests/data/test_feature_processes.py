"""The feature store among processes: several append, and one that is killed loses at most the batch in flight."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
from feature_rows import DIM, FINGERPRINT, data_file, named, rows_for

from data.features import FeatureStore

# What a child process needs of this file, without the test libraries that take long to load.
CHILD = f"""
import os, sys
from pathlib import Path
import numpy as np
from data.features import FeatureStore
store = FeatureStore(Path(sys.argv[1]), "{FINGERPRINT}", {DIM})
def append(numbers):
    rows = np.array([[number % 2048, *range({DIM} - 1)] for number in numbers], np.float32)
    store.append([f"k-{{number}}" for number in numbers], rows)
"""
APPEND = f"""{CHILD}
first, last = int(sys.argv[2]), int(sys.argv[3])
for start in range(first, last, 7):
    append(range(start, min(start + 7, last)))
    print(start, flush=True)
"""
DIE_IN_APPEND = f"""{CHILD}
append([1])
fsync = os.fsync
def die(descriptor):
    fsync(descriptor)
    os.kill(os.getpid(), 9)
os.fsync = die
append([2, 3])
"""


def test_several_processes_append_at_once(tmp_path: Path) -> None:
    ranges = [(0, 100), (50, 150), (100, 200)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(tmp_path), str(first), str(last)], stdout=subprocess.DEVNULL
        )
        for first, last in ranges
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    store = FeatureStore(tmp_path, FINGERPRINT, DIM)
    keys = named(*range(200))
    assert store.count == 200
    np.testing.assert_array_equal(store.read(keys), rows_for(keys))


def test_kill_between_data_and_table_leaves_only_garbage_at_the_end(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", DIE_IN_APPEND, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert data_file(tmp_path).stat().st_size == 3 * DIM * 2
    store = FeatureStore(tmp_path, FINGERPRINT, DIM)
    assert store.missing(named(1, 2, 3)) == named(2, 3)
    store.append(named(2, 3, 4), rows_for(named(2, 3, 4)))
    np.testing.assert_array_equal(store.read(named(1, 2, 3, 4)), rows_for(named(1, 2, 3, 4)))


def test_kill_at_any_moment_loses_at_most_the_batch_in_flight(tmp_path: Path) -> None:
    for round_number in range(3):
        first = round_number * 7000
        command = [sys.executable, "-c", APPEND, str(tmp_path), str(first), str(first + 7000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            last = first
            for line in process.stdout:
                last = int(line)
                if last >= first + 7 * (5 + round_number):
                    process.send_signal(signal.SIGKILL)
                    break
            last = max([last, *map(int, process.stdout.readlines())])
        store = FeatureStore(tmp_path, FINGERPRINT, DIM)
        acknowledged = named(*range(first, last + 7))
        assert store.missing(acknowledged) == []
        np.testing.assert_array_equal(store.read(acknowledged), rows_for(acknowledged))
