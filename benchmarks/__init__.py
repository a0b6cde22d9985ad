"""One script a claim, each printing a ratio against a named peer or a published figure; `benchmarks/results/` keeps
what they found, with date, device and versions. Run them with `python -m benchmarks.NAME`."""
