"""The limit of open files is raised as far as the system lets it."""

import subprocess
import sys

import pytest

RAISE = """
import resource, sys
from data.storage import descriptor_limit, raise_descriptor_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(descriptor_limit(), raise_descriptor_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard"), [(100, 900), (900, 900)])
def test_it_is_raised_to_the_hard_limit(soft: int, hard: int) -> None:
    printed = subprocess.check_output([sys.executable, "-c", RAISE, str(soft), str(hard)], text=True)
    assert printed.split() == [str(hard)] * 4
