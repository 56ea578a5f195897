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
    from keras_transfer.cli.fit_options import REPEATABLE
    from keras_transfer.cli.training import finish, load, named_or_read
    from keras_transfer.recipes import run_folder
    from keras_transfer.training import distribution

    if not arguments.data:
        raise ValueError(
            "fit needs data. Expected a folder of photos, 'digits' or "
            "'tfds:NAME', or --config with the config.json of an earlier run."
        )
    run_folder.check_writable(arguments.output)
    backbone = named_or_read(arguments.backbone)
    strategy = distribution.strategy(arguments.strategy)
    data = load(arguments, backbone)
    with strategy.scope():
        model = _resumed(arguments, data) or _new(arguments, backbone, data)
        distribution.prepare(model, strategy)
        result = _train(arguments, model, data)
    if not result.history:
        raise KeyboardInterrupt
    folder = arguments.output
    return finish(
        arguments, model, data, result, REPEATABLE,
        resume=f"keras-transfer fit --config {folder}/config.json "
        f"--output {folder} --resume",
    )  # fmt: skip


def _new(arguments, backbone, data):
    from keras_transfer.cli.training import model_for

    if arguments.recipe == "searched":
        return _as_searched(arguments, backbone, data)
    model = model_for(arguments, backbone, data)
    if arguments.loss:
        metrics = ["accuracy"] if data.task == "classification" else None
        model.compile("auto", loss=arguments.loss, metrics=metrics)
    return model


def _as_searched(arguments, backbone, data):
    from keras_transfer.cli.training import input_shape_of, weights_of
    from keras_transfer.tuner import trial

    model = trial.build(
        _settings(arguments),
        backbone,
        len(data.class_names),
        input_shape=input_shape_of(data),
        weights=weights_of(arguments),
        seed=arguments.seed,
    )
    model.class_names = list(data.class_names)
    return model


def _settings(arguments):
    from keras_transfer.tuner.trial import Settings

    try:
        return Settings(**arguments.hyperparameters)
    except TypeError:
        raise ValueError(
            "The recipe 'searched' needs the hyperparameters of a search. "
            f"Received: {arguments.hyperparameters!r}. Expected --config with "
            "the best_recipe.json of `keras-transfer tune`."
        ) from None


def _resumed(arguments, data):
    """The model of the run in --output, if that is to go on."""
    if not arguments.resume:
        return None
    from keras_transfer.recipes import run_folder

    model = run_folder.read(arguments.output).model
    run_folder.check_names(model, data)
    return model


def _train(arguments, model, data):
    from keras_transfer.cli.output import progress
    from keras_transfer.recipes import fine_tune, two_stage
    from keras_transfer.tuner import repeat_trial

    progress(
        f"{arguments.backbone}: {len(model.blocks)} blocks, "
        f"{model.count_params():,} parameters"
    )
    options = {
        "seed": arguments.seed,
        # A moving bar on a terminal, a line an epoch in a file.
        "verbose": "auto" if sys.stdout.isatty() else 2,
    }
    if arguments.recipe == "searched" and not arguments.resume:
        return repeat_trial(
            model,
            _settings(arguments),
            data,
            epochs=_or(arguments.epochs, 20),
            head_epochs=arguments.head_epochs,
            objective=arguments.objective,
            **options,
        )
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
