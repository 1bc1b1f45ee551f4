"""From a path to a plain file that can be read: containers, encodings, and the lines of a text."""
