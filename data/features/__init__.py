"""The feature store: pool_3 features of photos, one set per fingerprint, so that no photo is embedded twice."""

from data.features.rows import Floats
from data.features.sets import drop_unused_sets, mend_meta, stored_sets
from data.features.store import FeatureStore

__all__ = ["FeatureStore", "Floats", "drop_unused_sets", "mend_meta", "stored_sets"]
