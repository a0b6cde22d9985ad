"""REST: one router a noun."""
