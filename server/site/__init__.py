"""One run as a folder that any static host serves: no service, no address that is not relative.

pages       the built pages, made to play what lies beside them
moments     the lesson's other two figures: the recorded moments that it opens on
poster      a picture of the run, for where scripts do not run
words       README.txt: how to put the folder on a host, and what to write into a course page
folder      all files of it
archive     the files as one zip, made while it is sent
"""

from __future__ import annotations

from typing import Literal

from trainers.config import Method

Piece = Literal["bank", "belt", "matrix"]
PIECES: dict[Method, Piece] = {"memory_bank": "bank", "moco": "belt", "simclr": "matrix"}
"""The figure of the lesson that shows runs of a method, and the name of its recording in the folder."""
TITLES: dict[Piece, str] = {"bank": "Memory bank", "belt": "Momentum and the queue", "matrix": "Similarity matrix"}
TAGS: dict[Piece, str] = {"bank": "memory-bank", "belt": "sushi-belt", "matrix": "similarity-matrix"}
