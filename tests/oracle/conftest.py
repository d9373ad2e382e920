"""Nothing here is for pytest to import: the recorders need MXNet."""

collect_ignore_glob = ["*.py"]
