"""The task templates: `python -m tasks` lists them."""

import sys

# While Python looks for the module that it is to run: `python -m tasks…`.
if sys.argv[:1] == ["-m"] and (
    sys.orig_argv[-len(sys.argv)].removeprefix("-m").split(".")[0] == "tasks"
):
    from tasks.cli import early_interruption  # noqa: F401
