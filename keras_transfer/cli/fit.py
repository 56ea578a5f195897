"""`keras-transfer fit DATA`: from a folder of photos to a served model."""

EXAMPLES = """  keras-transfer fit photos/ --backbone MobileNetV2 --output run/
  keras-transfer fit photos/ --backbone ResNet50 --weights none --epochs 20
  keras-transfer fit digits --backbone source.keras --epochs 0   (head only)"""
# The arguments that, with the data, determine a run.
REPEATABLE = (
    "data", "backbone", "weights", "image_size", "batch_size", "head_epochs",
    "epochs", "blocks", "head_rate", "learning_rate", "validation_split",
    "seed",
)  # fmt: skip


def add_parser(commands):
    """Adds the command to the command line."""
    from keras_transfer.cli import add_command

    parser = add_command(
        commands,
        "fit",
        run,
        "fine-tune a source model on your own data and keep all of the run",
        EXAMPLES,
    )
    add = parser.add_argument
    add("data", metavar="DATA", help='folder of photos, or "digits"')
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
        "--output",
        default="transfer_run",
        metavar="DIR",
        help="folder to write [%(default)s]",
    )
    add(
        "--image-size",
        type=int,
        default=None,
        metavar="PX",
        help="side of the images [224; 8 for digits]",
    )
    add(
        "--batch-size",
        type=int,
        default=32,
        metavar="N",
        help="images a step [%(default)s]",
    )
    add(
        "--head-epochs",
        type=int,
        default=30,
        metavar="N",
        help="most epochs for a head that is trained [%(default)s]",
    )
    add(
        "--epochs",
        type=int,
        default=3,
        metavar="N",
        help="epochs for the top blocks, 0 for the head alone [%(default)s]",
    )
    add(
        "--blocks",
        type=int,
        default=None,
        metavar="N",
        help="how many blocks to fine-tune [the top third]",
    )
    add(
        "--head-rate",
        type=float,
        default=1e-3,
        metavar="R",
        help="learning rate of the head [%(default)s]",
    )
    add(
        "--learning-rate",
        type=float,
        default=3e-5,
        metavar="R",
        help="learning rate of the top blocks [%(default)s]",
    )
    add(
        "--validation-split",
        type=float,
        default=0.1,
        metavar="P",
        help="part of the training data held out [%(default)s]",
    )
    add("--seed", type=int, default=0, metavar="N",
        help="seed of splits, order and weights [%(default)s]")  # fmt: skip


def run(arguments):
    """Trains, evaluates and writes the run."""
    from keras_transfer import run_folder

    run_folder.check_writable(arguments.output)
    data, model = _prepare(arguments)
    result = _train(arguments, model, data)
    if not result.history:
        raise KeyboardInterrupt
    return _finish(arguments, model, data, result)


def _prepare(arguments):
    import keras

    from keras_transfer import TransferModel
    from keras_transfer.cli.output import progress
    from keras_transfer.data import load

    keras.utils.set_random_seed(arguments.seed)
    progress(f"Reading {arguments.data} ...")
    data = load(
        arguments.data,
        image_size=arguments.image_size,
        batch_size=arguments.batch_size,
        validation_split=arguments.validation_split,
        seed=arguments.seed,
    )
    progress(repr(data))
    images = data.train[0][0]
    model = TransferModel(
        arguments.backbone,
        head=len(data.class_names),
        input_shape=tuple(images.shape[1:]),
        weights=None if arguments.weights == "none" else arguments.weights,
    )
    model.class_names = list(data.class_names)
    return data, model


def _train(arguments, model, data):
    from keras_transfer.cli.output import progress
    from keras_transfer.recipes import two_stage

    progress(
        f"{arguments.backbone}: {len(model.blocks)} blocks, "
        f"{model.count_params():,} parameters"
    )
    return two_stage(
        model,
        data,
        head_epochs=arguments.head_epochs,
        epochs=arguments.epochs,
        blocks=arguments.blocks,
        head_rate=arguments.head_rate,
        fine_tune_rate=arguments.learning_rate,
        seed=arguments.seed,
    )


def _finish(arguments, model, data, result):
    from keras_transfer import report, run_folder
    from keras_transfer.cli import INTERRUPTED
    from keras_transfer.cli.output import progress, show

    progress("Evaluating and writing ...")
    parts = {"validation": data.validation, "test": data.test}
    metrics = {
        name: report.evaluate(model, part, data.class_names)
        for name, part in parts.items()
        if part is not None
    }
    metrics |= {
        "best": result.best,
        "stages": result.stages,
        "interrupted": result.interrupted,
    }
    config = {name: getattr(arguments, name) for name in REPEATABLE}
    config["num_samples"] = data.num_samples
    config["input_shape"] = list(model.input_shape[1:])
    written = run_folder.write(arguments.output, model, result, metrics, config)
    text = _text(arguments, metrics, result, written)
    show(arguments, metrics | {"output": arguments.output}, text)
    return INTERRUPTED if result.interrupted else 0


def _text(arguments, metrics, result, written):
    from keras_transfer import report
    from keras_transfer.tables import format_table

    rows = [
        [s["stage"], s["epochs"], f"{s['seconds']:.1f}", f"{s['val_loss']:.4f}"]
        for s in result.stages
        if s["epochs"]
    ]
    lines = [format_table(["stage", "epochs", "seconds", "best loss"], rows)]
    lines += [
        report.evaluation_table(metrics[name], name)
        for name in ("validation", "test")
        if name in metrics
    ]
    lines.append(f"{arguments.output}: {', '.join(written)}")
    if result.interrupted:
        lines.append(
            "Interrupted: this is the best epoch so far. To train on from it: "
            f"keras-transfer fit {arguments.data} --backbone "
            f"{arguments.output}/model.keras --output {arguments.output}-2"
        )
    else:
        lines.append(
            f"Next: keras-transfer predict {arguments.output} PHOTO ..."
        )
    return "\n".join(lines)
