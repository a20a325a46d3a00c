"""`python -m kerastune_lite`: the same as the command `kerastune`."""

import sys

from kerastune_lite._src.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
