"""The reference peer: what the same service looks like on FastAPI and SQLAlchemy. Runs in an environment of its own."""
