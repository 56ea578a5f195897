"""`keras-transfer evaluate DIR DATA`: how good is it, class by class."""

EXAMPLES = """  keras-transfer evaluate run/ photos/
  keras-transfer evaluate run/ other_photos/ --split all --json"""


def add_parser(commands):
    """Adds the command to the command line."""
    from keras_transfer.cli import add_command

    parser = add_command(
        commands, "evaluate", run, "measure a run on labelled data", EXAMPLES
    )
    parser.add_argument("run_dir", metavar="DIR", help="what fit has written")
    parser.add_argument("data", metavar="DATA", help="folder of photos")
    parser.add_argument(
        "--split",
        choices=["test", "validation", "train"],
        default="test",
        help="which part of DATA [%(default)s]",
    )


def run(arguments):
    """Evaluates and prints."""
    from keras_transfer import report, run_folder
    from keras_transfer.cli.output import show
    from keras_transfer.data import load

    finished = run_folder.read(arguments.run_dir)
    config, model = finished.config, finished.model
    data = load(
        arguments.data,
        image_size=tuple(config["input_shape"][:2]),
        batch_size=config["batch_size"],
        validation_split=config["validation_split"],
        channels=config["input_shape"][2],
        data_dir=config.get("data_dir"),
        seed=config["seed"],
    )
    run_folder.check_names(model, data)
    part = getattr(data, arguments.split)
    if part is None:
        raise ValueError(
            f"'{arguments.data}' has no {arguments.split} part. It has: "
            f"{', '.join(data.num_samples)}. Choose one with --split."
        )
    part.shuffle = False
    result = report.evaluate(model, part)
    show(arguments, result, report.evaluation_table(result, arguments.split))
    return 0
