"""What an operator sees of the service: its log, its metrics, and whether it is ready.

logs        one pipeline for every line that the service, its web server and its worker say
requests    a request's id, its line in the log and its place in the counts
"""
