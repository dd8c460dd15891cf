"""Runs the template: python -m tasks.translation."""

import sys

from tasks.cli import command_line
from tasks.translation import TEMPLATE

if __name__ == "__main__":
    sys.exit(command_line.main(TEMPLATE))
