"""Options that several commands have, each defined once."""

from argparse import Action, ArgumentParser
from typing import Any

_DEVICES = "several devices: auto, default, one_device, mirrored, jax"
_BATCH_SIZE = "images a step [16 below 1000 labels a class, else 32]"
_IMAGE_SIZE = (
    "side of the images [of a .keras model its own, else 224; 8 for digits]"
)
_TASK = (
    "what labels.csv is for: classification, multi_label or regression; "
    "auto: as it looks"
)
# Flag: type, name of the value, help, default if there is one.
_SHARED: dict[str, tuple[Any, ...]] = {
    "data": (str, "DATA", 'folder of photos, "digits" or "tfds:NAME"'),
    "run_dir": (str, "DIR", "what fit has written"),
    "--backbone": (
        str,
        "NAME",
        "keras.applications name, hub: preset or .keras file",
        "MobileNetV2",
    ),
    "--batch-size": (int, "N", _BATCH_SIZE),
    "--class-weights": (
        str,
        "W",
        "weights of the classes: balanced, or as in cat=2,dog=1",
    ),
    "--data-dir": (str, "DIR", "where TFDS keeps its data"),
    "--debug": (bool, None, "show the traceback of an error"),
    "--dropout": (float, "P", "dropout in the head", 0.0),
    "--epochs": (int, "N", "epochs of training"),
    "--head": (
        str,
        "UNITS",
        'hidden layers of the head, as in "256" or "256,128" [none]',
        "",
    ),
    "--head-epochs": (int, "N", "epochs for the head alone"),
    "--image-size": (int, "PX", _IMAGE_SIZE),
    "--json": (bool, None, "print the result as JSON only"),
    "--learning-rate": (float, "R", "learning rate"),
    "--output": (str, "DIR", "folder to write"),
    "--overwrite": (bool, None, "replace the run in --output"),
    "--resume": (bool, None, "end the run in --output that was interrupted"),
    "--seed": (int, "N", "seed of splits, order and weights", 0),
    "--shots": (int, "N", "train on N samples a class only"),
    "--strategy": (str, "NAME", _DEVICES, "auto"),
    "--task": (str, "TASK", _TASK, "auto"),
    "--validation-split": (
        float,
        "P",
        "part of the training data held out",
        0.1,
    ),
    "--weights": (str, "W", '"imagenet", "none" or a file', "imagenet"),
}


def add_option(
    parser: ArgumentParser,
    flag: str,
    *about: Any,
    text: str | None = None,
    **more: Any,
) -> Action:
    """Adds an option to the parser of a command.

    Args:
        parser: the parser.
        flag: its name; a shared one needs nothing else.
        *about: type, name of the value, help, default if there is one.
        text: help that takes the place of a shared one's.
        **more: further arguments of `add_argument`, such as a `default` or
            `metavar` in the place of a shared one's.

    Returns:
        What `add_argument` returns.
    """
    kind, metavar, shared_text, *default = about or _SHARED[flag]
    text = text or shared_text
    if kind is bool:
        return parser.add_argument(flag, action="store_true", help=text)
    if default:
        more.setdefault("default", default[0])
    if more.get("default") not in (None, ""):
        text += " [%(default)s]"
    more = {"type": kind, "metavar": metavar, "help": text} | more
    return parser.add_argument(flag, **more)
