"""The revisions, oldest first. A revision that was ever released is never edited."""
