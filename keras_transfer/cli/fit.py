"""`keras-transfer fit DATA`: from a folder of photos to a served model."""

import sys

EXAMPLES = """  keras-transfer fit photos/ --backbone MobileNetV2 --output run/
  keras-transfer fit photos/ --shots 20 --epochs 0        (head only)
  keras-transfer fit tfds:beans --backbone ResNet50 --head 256 --dropout 0.3
  keras-transfer fit --config run/config.json --seed 1 --output run-1/
  keras-transfer fit --config run/config.json --output run/ --resume"""


def add_parser(commands):
    """Adds the command to the command line."""
    from keras_transfer.cli import add_command
    from keras_transfer.cli.fit_options import add_options

    parser = add_command(
        commands,
        "fit",
        run,
        "fine-tune a source model on your own data and keep all of the run",
        EXAMPLES,
    )
    add_options(parser)


def run(arguments):
    """Trains, evaluates and writes the run."""
    from keras_transfer import run_folder

    if not arguments.data:
        raise ValueError(
            "fit needs data. Expected a folder of photos, 'digits' or "
            "'tfds:NAME', or --config with the config.json of an earlier run."
        )
    run_folder.check_writable(arguments.output)
    backbone = _backbone(arguments.backbone)
    data = _load(arguments, backbone)
    model = _resumed(arguments, data) or _new(arguments, backbone, data)
    result = _train(arguments, model, data)
    if not result.history:
        raise KeyboardInterrupt
    return _finish(arguments, model, data, result)


def _backbone(name):
    """The model in a `.keras` file; any other source stays a name."""
    if not name.endswith(".keras"):
        return name
    from keras_transfer.files import load_model

    return load_model(name, compile=False)


def _load(arguments, backbone):
    import keras

    from keras_transfer.cli.output import progress
    from keras_transfer.data import load

    keras.utils.set_random_seed(arguments.seed)
    progress(f"Reading {arguments.data} ...")
    data = load(
        arguments.data,
        image_size=arguments.image_size or _own_size(backbone),
        batch_size=arguments.batch_size,
        shots_per_class=arguments.shots,
        validation_split=arguments.validation_split,
        data_dir=arguments.data_dir,
        seed=arguments.seed,
    )
    progress(repr(data))
    return data


def _own_size(backbone):
    """The image size of a model in a file, `None` where any will do."""
    if isinstance(backbone, str):
        return None
    shape = backbone.input_shape
    is_image = isinstance(shape, tuple) and len(shape) == 4
    return shape[1:3] if is_image and None not in shape[1:3] else None


def _new(arguments, backbone, data):
    from keras_transfer import TransferModel

    model = TransferModel(
        backbone,
        head=_head(arguments, data),
        input_shape=tuple(data.train[0][0].shape[1:]),
        weights=None if arguments.weights == "none" else arguments.weights,
    )
    model.class_names = list(data.class_names or data.target_names)
    if arguments.loss:
        metrics = ["accuracy"] if data.task == "classification" else None
        model.compile("auto", loss=arguments.loss, metrics=metrics)
    return model


def _head(arguments, data):
    from keras_transfer import ClassificationHead, RegressionHead
    from keras_transfer.cli.fit_options import hidden_units

    options = {
        "hidden_units": hidden_units(arguments.head),
        "dropout": arguments.dropout,
        "name": "head",
    }
    if data.task == "regression":
        return RegressionHead(len(data.target_names), **options)
    activation = "sigmoid" if data.task == "multi_label" else "softmax"
    return ClassificationHead(
        len(data.class_names), activation=activation, **options
    )


def _resumed(arguments, data):
    """The model of the run in --output, if that is to go on."""
    if not arguments.resume:
        return None
    from keras_transfer import run_folder

    model = run_folder.read(arguments.output).model
    run_folder.check_names(model, data)
    return model


def _train(arguments, model, data):
    from keras_transfer.cli.output import progress
    from keras_transfer.recipes import fine_tune, two_stage

    progress(
        f"{arguments.backbone}: {len(model.blocks)} blocks, "
        f"{model.count_params():,} parameters"
    )
    options = {
        "seed": arguments.seed,
        # A moving bar on a terminal, a line an epoch in a file.
        "verbose": "auto" if sys.stdout.isatty() else 2,
    }
    if arguments.recipe == "auto" and not arguments.resume:
        return fine_tune(
            model,
            data,
            epochs=arguments.epochs,
            blocks=arguments.blocks,
            learning_rate=arguments.learning_rate,
            max_minutes=arguments.max_minutes,
            **options,
        )
    return two_stage(
        model,
        data,
        head_epochs=0 if arguments.resume else arguments.head_epochs,
        epochs=_or(arguments.epochs, 3),
        blocks=arguments.blocks,
        head_rate=arguments.head_rate,
        fine_tune_rate=_or(arguments.learning_rate, 3e-5),
        **options,
    )


def _or(value, default):
    return default if value is None else value


def _finish(arguments, model, data, result):
    from keras_transfer import report, run_folder
    from keras_transfer.cli import INTERRUPTED
    from keras_transfer.cli.fit_options import REPEATABLE
    from keras_transfer.cli.output import progress, show

    progress("Evaluating and writing ...")
    parts = {"validation": data.validation, "test": data.test}
    metrics = {
        name: report.evaluate(model, part)
        for name, part in parts.items()
        if part is not None
    }
    metrics |= {
        "best": result.best,
        "stages": result.stages,
        "interrupted": result.interrupted,
        "choices": result.choices,
        "warnings": result.warnings,
    }
    gap = report.gap(metrics)
    if gap:
        metrics["warnings"] = [*metrics["warnings"], gap]
    config = {name: getattr(arguments, name) for name in REPEATABLE}
    config["num_samples"] = data.num_samples
    config["input_shape"] = list(model.input_shape[1:])
    written = run_folder.write(arguments.output, model, result, metrics, config)
    text = _text(arguments, metrics, result, written)
    show(arguments, metrics | {"output": arguments.output}, text)
    return INTERRUPTED if result.interrupted else 0


def _text(arguments, metrics, result, written):
    from keras_transfer import report

    lines = [report.stage_table(result.stages)]
    lines += [
        report.evaluation_table(metrics[name], name)
        for name in ("validation", "test")
        if name in metrics
    ]
    lines += [f"Note: {sentence}" for sentence in metrics["warnings"]]
    lines.append(f"{arguments.output}: {', '.join(written)}")
    if result.interrupted:
        lines.append(
            "Interrupted: this is the best epoch so far. To go on from it: "
            f"keras-transfer fit --config {arguments.output}/config.json "
            f"--output {arguments.output} --resume"
        )
    else:
        lines.append(f"Next: keras-transfer predict {arguments.output} PHOTO")
    return "\n".join(lines)
