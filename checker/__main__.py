"""`python -m checker` is `imageset-checker`."""

import os
import signal
import sys

# until the command has handlers of its own: Python's would tell of a traceback, and have no exit code
for _number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_number, lambda number, _: os._exit(128 + number))

from checker.cli import main  # noqa: E402 - after the handlers

if __name__ == "__main__":
    sys.exit(main())
