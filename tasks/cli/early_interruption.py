"""Ctrl-C while a command is still being imported: a line, and no traceback.

To import this module is to ask for it. It is the first that the templates' command
lines import; whoever imports the rest as a library keeps what Python does.
"""

import os
import sys
from types import TracebackType


def _tell(kind: type, error: BaseException, trace: TracebackType | None) -> None:
    """Is called with what nobody has caught."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            if stream is sys.stderr:
                print("\ninterrupted.", file=stream)
            stream.flush()
        except (OSError, ValueError):  # nobody reads it
            pass
    # What Python does at its end may be interrupted, too.
    os._exit(getattr(error, "exit_code", 130))


sys.excepthook = _tell
