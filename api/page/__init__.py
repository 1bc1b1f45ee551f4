"""The search page and the seller's form, rendered on the server."""
