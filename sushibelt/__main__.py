"""`python -m sushibelt` is the command `sushibelt`."""

from __future__ import annotations

from sushibelt.cli.app import main

if __name__ == "__main__":
    main()
