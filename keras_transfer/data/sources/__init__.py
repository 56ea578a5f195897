"""Where labelled images come from: folders, tables, data sets by name."""
