"""What computes: backbones, towers, voters, index, ranking and search."""
