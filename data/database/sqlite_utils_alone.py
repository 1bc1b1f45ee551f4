"""sqlite-utils without pandas: wherever that is installed, it would cost every process 67 MB and 0.3 s for nothing."""

import sys
from typing import Any

_modules: dict[str, Any] = sys.modules
_before = {"pandas": _modules["pandas"]} if "pandas" in _modules else {}
_modules["pandas"] = None  # so Python marks a module that cannot be imported
try:
    from sqlite_utils import Database
finally:
    del _modules["pandas"]
    _modules.update(_before)

__all__ = ["Database"]
