"""One revision a change of the tables; `server.store.schema` applies them when a database is opened."""
