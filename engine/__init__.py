"""The computing layer: backbones, towers, voters, index, ranking and search."""
