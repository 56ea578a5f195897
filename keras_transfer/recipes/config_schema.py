"""What `config.json` of a run, and a recipe, may hold: JSON Schemas."""

from typing import Any


def _or_none(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 1}
_COUNT_OR_0 = {"type": "integer", "minimum": 0}
_RATE = {"type": "number", "exclusiveMinimum": 0}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_NUMBER = {"type": "number", "minimum": 0}
_FLAG = {"type": "boolean"}

# Of fine-tuning; `None` leaves it to the recipe.
_OF_TRAINING = {
    "blocks": _or_none(_NUMBER),
    "learning_rate": _or_none(_RATE),
    "layer_decay": _or_none(_SHARE),
    "gradual": _or_none(_FLAG),
    "l2sp": _or_none(_NUMBER),
    "optimizer": _or_none({"enum": ["adam", "adamw", "sgd"]}),
    "weight_decay": _or_none(_NUMBER),
    "head_learning_rate": _or_none(_RATE),
}
# Of a trial of a search; each has to be there.
_HYPERPARAMETERS = {
    "backbone": _TEXT,
    "hidden_units": _COUNT_OR_0,
    "dropout": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    "pooling": {"enum": ["avg", "max"]},
    "label_smoothing": _SHARE,
    "augmentation": _NUMBER,
    "recipe": _or_none({"enum": ["fine_tune"]}),
    "batch_size": _or_none(_COUNT),
    **_OF_TRAINING,
}
HYPERPARAMETERS = {
    "type": "object",
    "properties": _HYPERPARAMETERS,
    "required": list(_HYPERPARAMETERS),
    "additionalProperties": False,
}

_OPTIONS = {
    "data": _TEXT,
    "data_dir": _or_none(_TEXT),
    "task": {"enum": ["auto", "classification", "multi_label", "regression"]},
    "shots": _or_none(_COUNT),
    "validation_split": _or_none(_SHARE),
    "image_size": _or_none(_COUNT),
    "batch_size": _or_none(_COUNT),
    "backbone": _TEXT,
    "weights": _TEXT,
    "head": _TEXT,
    "dropout": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    "levels": _TEXT,
    "augmentation": _or_none({"enum": ["light", "strong"]}),
    "loss": _or_none(_TEXT),
    "class_weights": _or_none(_TEXT),
    "recipe": {"enum": ["auto", "two-stage", "searched"]},
    "head_epochs": _or_none(_COUNT_OR_0),
    "epochs": _or_none(_COUNT_OR_0),
    **_OF_TRAINING,
    "effort": {"enum": ["quick", "normal", "best"]},
    "unlabelled": _or_none(_TEXT),
    "mixing": _or_none({"enum": ["mixup", "cutmix"]}),
    "max_minutes": _or_none(_RATE),
    "hyperparameters": _or_none(HYPERPARAMETERS),
    "objective": _TEXT,
    "no_unknown": _FLAG,
    "seed": _COUNT_OR_0,
    "strategy": _TEXT,
    "source": _TEXT,
    "target": _TEXT,
    "distance": _TEXT,
}
# What a command takes over; what else is in the file does not matter.
OPTIONS = {"type": "object", "properties": _OPTIONS}
# What reading a run needs too.
RUN = {
    "type": "object",
    "properties": _OPTIONS
    | {"input_shape": {"type": "array", "items": _or_none(_COUNT)}},
    "required": ["input_shape"],
}
