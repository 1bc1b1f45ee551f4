"""The untrained product space: a whitened projection and a text head fitted to it."""
