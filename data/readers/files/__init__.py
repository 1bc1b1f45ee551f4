"""One reader per format of file: from a plain file to its records or, where every photo is a product, to rows."""
