"""`python -m trainers`: train from a terminal, without the server."""

from __future__ import annotations

import sys

from trainers.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
