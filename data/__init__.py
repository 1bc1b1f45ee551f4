"""The data layer: catalogue, photos, feature store, events, generations on disk, feed readers, settings and errors."""
