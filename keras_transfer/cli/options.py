"""Options of commands in short, and those that several commands share."""

# Flag: type, name of the value, help, default.
_SHARED = {
    "data": (str, "DATA", 'folder of photos, "digits" or "tfds:NAME"'),
    "run_dir": (str, "DIR", "what fit has written"),
    "--batch-size": (int, "N", "images a step", 32),
    "--data-dir": (str, "DIR", "where TFDS keeps its data"),
    "--dropout": (float, "P", "dropout in the head", 0.0),
    "--seed": (int, "N", "seed of splits, order and weights", 0),
    "--shots": (int, "N", "train on N samples a class only"),
    "--strategy": (
        str,
        "NAME",
        "several devices: auto, default, one_device, mirrored, jax",
        "auto",
    ),
    "--validation-split": (
        float,
        "P",
        "part of the training data held out",
        0.1,
    ),
    "--weights": (str, "W", '"imagenet", "none" or a file', "imagenet"),
}


def adder(parser):
    """Returns a function that adds options to the parser of a command.

    It takes the flag alone of an option that commands share. Of any other it
    takes, in this order, the flag, its type (`bool` for a flag without a
    value), the name of the value, the help, and a default if there is one.
    """

    def add(flag, *about, **more):
        kind, metavar, text, *default = about or _SHARED[flag]
        if kind is bool:
            parser.add_argument(flag, action="store_true", help=text)
            return
        if default:
            more["default"] = default[0]
            text += "" if default[0] == "" else " [%(default)s]"
        parser.add_argument(flag, type=kind, metavar=metavar, help=text, **more)

    return add


def chosen(arguments, *names):
    """Returns some of the parsed arguments by name, to pass them on."""
    return {name: getattr(arguments, name) for name in names}
