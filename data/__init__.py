"""What the shop knows: catalogue, images, features, events, generations on disk, readers, settings and base errors."""
