"""Photos on their way to the network: decoded for it, their vectors, and features kept between two rebuilds."""

from engine.photos.decoded import DecodedPhoto
from engine.photos.stored import SearchedPhoto, SearchedPhotos, StoredPhotos
from engine.photos.vectors import photo_vectors

__all__ = ["DecodedPhoto", "SearchedPhoto", "SearchedPhotos", "StoredPhotos", "photo_vectors"]
