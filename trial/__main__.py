"""``python -m trial``."""

import sys

from trial.cli import main

if __name__ == "__main__":
    sys.exit(main())
