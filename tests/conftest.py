"""Fixtures, each built on the one before: settings -> catalogue -> generation -> app -> client."""

from pathlib import Path

import pytest

from data.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", backbone="efficientnet_lite2")
