"""Nothing of Milvus is imported by a shop that does not use it."""

import json
import subprocess
import sys
from pathlib import Path

OF_MILVUS = ("pymilvus", "milvus", "pandas")


def test_a_shop_without_milvus_imports_nothing_of_it(built_home: Path) -> None:
    program = f"""
import json, sys
import lookalike, api.cli, indexer.cli, api.app
from data.settings import load_settings
from engine.search import SearchEngine, SearchRequest
from indexer.operating import examine
from tiny_backbone import TinyBackbone
settings = load_settings(home={str(built_home)!r}, index="exact")
engine = SearchEngine(settings, backbone=TinyBackbone())
assert engine.status()["generation"]
print(json.dumps([name for name in {OF_MILVUS!r} if name in sys.modules]))
"""
    path = str(Path(__file__).parents[2] / "helpers")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({path!r})\n{program}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == []
