"""Reads from replicas: positions in the log, the choice of a replica, and what of a request reads from it."""
