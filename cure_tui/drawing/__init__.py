"""Primitives of drawing: rows of styled spans, their colours and glyphs, tables. Nothing here writes to a terminal."""
