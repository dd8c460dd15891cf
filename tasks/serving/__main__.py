"""Serves a SavedModel by KServe: python -m tasks.serving."""

import sys

from tasks.cli import extras
from tasks.errors import UserError


def main() -> int:
    """Serves until it is told to leave.

    Returns:
        The exit code: 0, or 2 where KServe is missing (told in a line on stderr).
    """
    try:
        extras.require("kserve", "serving", "Serving")
    except UserError as error:
        print(f"python -m tasks.serving: error: {error}", file=sys.stderr)
        return 2
    from tasks.serving import kserve_model

    kserve_model.main("python -m tasks.serving")
    return 0


if __name__ == "__main__":
    sys.exit(main())
