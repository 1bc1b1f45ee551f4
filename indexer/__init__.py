"""The jobs that fill and run the index: import, nightly rebuild, status, rollback and doctor."""
