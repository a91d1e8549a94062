"""Django's PostgreSQL backend with a pool that looks at a connection before it hands it out, and asks nothing of it."""
