"""The command line of the learners: `python -m trainers METHOD ...`.

main            from arguments to an exit code
options         arguments, made from the tables of settings; what is wrong with them, in one line
plan            arguments and checkpoint together: what is to be done
session         loads, trains, evaluates, reports
training        the loop: knob changes, metrics, checkpoints, stopping
metrics_file    every step's figures as CSV or Parquet
screen          what is seen meanwhile
report          what is said at the end
"""
