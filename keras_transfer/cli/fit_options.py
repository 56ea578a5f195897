"""The options of `keras-transfer fit`, and those kept in `config.json`."""

# Whatever determines a run, apart from the data themselves.
REPEATABLE = (
    "data", "data_dir", "shots", "validation_split", "image_size",
    "batch_size", "backbone", "weights", "head", "dropout", "loss", "recipe",
    "head_epochs", "epochs", "blocks", "head_rate", "learning_rate",
    "max_minutes", "hyperparameters", "objective", "seed", "strategy",
)  # fmt: skip


def add_options(parser):
    """Adds the options, in the order in which a run uses them."""
    add = parser.add_argument
    add(
        "data",
        metavar="DATA",
        nargs="?",
        help='folder of photos, "digits" or "tfds:NAME"',
    )
    add(
        "--config",
        metavar="FILE",
        help="config.json of an earlier run; options given here go before it",
    )
    add(
        "--output",
        default="transfer_run",
        metavar="DIR",
        help="folder to write [%(default)s]",
    )
    add(
        "--resume",
        action="store_true",
        help="go on from the model in --output with its top blocks",
    )
    _add_data_options(add)
    _add_model_options(add)
    _add_training_options(add)
    # Of a recipe that was searched; these come by --config alone.
    parser.set_defaults(hyperparameters=None, objective="val_accuracy")


def _add_data_options(add):
    add("--data-dir", metavar="DIR", help="where TFDS keeps its data")
    add(
        "--shots", type=int, metavar="N", help="train on N samples a class only"
    )
    add(
        "--validation-split",
        type=float,
        default=0.1,
        metavar="P",
        help="part of the training data held out [%(default)s]",
    )
    add(
        "--image-size",
        type=int,
        metavar="PX",
        help="side of the images [of a .keras backbone its own, else 224; "
        "8 for digits]",
    )
    add("--batch-size", type=int, default=32, metavar="N",
        help="images a step [%(default)s]")  # fmt: skip


def _add_model_options(add):
    add(
        "--backbone",
        default="MobileNetV2",
        metavar="NAME",
        help="keras.applications name or .keras file [%(default)s]",
    )
    add(
        "--weights",
        default="imagenet",
        metavar="W",
        help='"imagenet", "none" or a file [%(default)s]',
    )
    add(
        "--head",
        default="",
        metavar="UNITS",
        help='hidden layers of the head, as in "256" or "256,128" [none]',
    )
    add(
        "--dropout",
        type=float,
        default=0.0,
        metavar="P",
        help="dropout in the head [%(default)s]",
    )
    add("--loss", metavar="NAME",
        help="a Keras loss [what fits the labels]")  # fmt: skip


def _add_training_options(add):
    add(
        "--recipe",
        choices=("auto", "two-stage", "searched"),
        default="auto",
        help="auto: fine-tunes only where validation says it pays; two-stage: "
        "always, at a fixed rate; searched: as a trial of `tune`, whose "
        "best_recipe.json is the --config [%(default)s]",
    )
    add(
        "--epochs",
        type=int,
        metavar="N",
        help="epochs for the top blocks, 0 for the head alone [auto by the "
        "number of samples; two-stage 3]",
    )
    add(
        "--blocks",
        type=int,
        metavar="N",
        help="how many blocks to fine-tune [the top third]",
    )
    add(
        "--learning-rate",
        type=float,
        metavar="R",
        help="learning rate of the top blocks [auto by the number of samples; "
        "two-stage 3e-5]",
    )
    add(
        "--max-minutes",
        type=float,
        metavar="M",
        help="auto: ends fine-tuning in time and keeps the best so far",
    )
    add(
        "--head-epochs",
        type=int,
        default=30,
        metavar="N",
        help="two-stage: most epochs for a head that is trained [%(default)s]",
    )
    add(
        "--head-rate",
        type=float,
        default=1e-3,
        metavar="R",
        help="two-stage: learning rate of the head [%(default)s]",
    )
    add("--seed", type=int, default=0, metavar="N",
        help="seed of splits, order and weights [%(default)s]")  # fmt: skip
    add(
        "--strategy",
        default="auto",
        metavar="NAME",
        help="several devices: auto, default, one_device, mirrored, jax "
        "[%(default)s]",
    )


def hidden_units(text):
    """Returns `"256,128"` as `(256, 128)`.

    Raises:
        ValueError: it is no list of whole numbers.
    """
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(
            "--head takes the widths of the hidden layers. Received: "
            f"'{text}'. Expected whole numbers with commas, as in 256,128."
        ) from None


def read_config(path):
    """Returns the options that a `config.json` holds.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not one that `fit` has written.
    """
    import json
    from pathlib import Path

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file '{path}'. Expected the config.json of an "
            "earlier run."
        )
    try:
        content = json.loads(path.read_text())
        return {k: content[k] for k in REPEATABLE if k in content}
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"'{path}' is not the config.json of a run: {error}."
        ) from error
