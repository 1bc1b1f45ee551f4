"""Trains the product space, voters, query embedder and backbones; evaluates them and writes reports."""
