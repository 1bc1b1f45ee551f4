"""The training layer's branch of the error tree.

LookalikeError
└── TrainingError
    ├── InvalidTraining   an option or file that training cannot use
    └── NotEnoughData     too few products, images, labels or pairs to learn from
"""

from data.errors import LookalikeError


class TrainingError(LookalikeError):
    code = "training"


class NotEnoughData(TrainingError):
    code = "not_enough_data"


class InvalidTraining(TrainingError):
    code = "bad_training"
