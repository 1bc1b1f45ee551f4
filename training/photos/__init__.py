"""Prepares labelled photos for training: reads, splits, augments and embeds them."""

from training.photos.augmentation import contact_sheet, copy_key, look_key, varied_key
from training.photos.features import (
    BackboneLoader,
    GetBackbone,
    PhotoReader,
    embed_missing,
    gather,
    gather_known,
    reader_of,
    without,
)
from training.photos.labelled import LabelledPhotos, from_catalogue, from_files, label_photos
from training.photos.learned import PHOTOS, learned_photos, photos_text, spare
from training.photos.rows import TrainingRows
from training.photos.splits import TAKEN_TOGETHER, Fold, folds, look_folds, split

__all__ = [
    "PHOTOS",
    "TAKEN_TOGETHER",
    "BackboneLoader",
    "Fold",
    "GetBackbone",
    "LabelledPhotos",
    "PhotoReader",
    "TrainingRows",
    "contact_sheet",
    "copy_key",
    "embed_missing",
    "folds",
    "from_catalogue",
    "from_files",
    "gather",
    "gather_known",
    "label_photos",
    "learned_photos",
    "look_folds",
    "look_key",
    "photos_text",
    "reader_of",
    "spare",
    "split",
    "varied_key",
    "without",
]
