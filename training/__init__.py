"""What learns: product space, voters, query embedder, backbones, evaluation and reports."""
