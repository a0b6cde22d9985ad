"""Where the database is, and what of it may be shown: never a password."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

ADVICE = (
    "give postgresql://user:password@host/database (in a password write @ : / ? # % as %40 %3A %2F %3F %23 %25), "
    "or leave it empty for a SQLite file in SUSHIBELT_DATA_DIR"
)


def check(url: str) -> None:
    """See that `url` names a PostgreSQL database.

    Raises:
        ValueError: it does not; the message says what is wrong and repeats nothing of a possible password.
    """
    if "://" not in url:
        raise ValueError(f"is not a URL; {ADVICE}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"has no readable host and port; {ADVICE}") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError(f"begins with another word than postgresql://; {ADVICE}")
    if port == 0:
        raise ValueError(f"has port 0; {ADVICE}")
    if parts.fragment:
        raise ValueError(f"has a # in it; {ADVICE}")
    name = parts.path.removeprefix("/")
    if not name or "/" in name or "@" in name:
        raise ValueError(f"does not end with the name of one database; {ADVICE}")


def name_of(url: str) -> str:
    """A checked URL for people: database, host and port, without user and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or "this machine"
    return f"the PostgreSQL database {unquote(parts.path[1:])!r} on {host}"
