"""The way in from the command line: import, nightly rebuild, and what an operator needs."""
