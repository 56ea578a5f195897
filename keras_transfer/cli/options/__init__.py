"""The options of each command: one light file each, without Keras.

Each has SUMMARY, EXAMPLES and `add_options(add)`; the file of the same name in
`cli/` has `run(arguments)`, which is imported only when the command runs.
"""
