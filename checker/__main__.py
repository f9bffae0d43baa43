"""`python -m checker` is `imageset-checker`."""

import sys

from checker.cli import main

sys.exit(main())
