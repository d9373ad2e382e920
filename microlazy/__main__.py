"""``python -m microlazy``: see `microlazy.command`."""

import sys

from microlazy.command import main

if __name__ == "__main__":
    sys.exit(main())
