"""All that the runs are, as one tar file: `python -m server backup` and `restore`.

manifest    what is in the file, and what may be
save        from a data folder to the file, also beside a running service
restore     from the file into a folder that has no runs
progress    says how far a long copy is
"""
