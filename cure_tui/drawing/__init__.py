"""Drawing: rows of styled spans, their colours and glyphs. Knows no terminal."""
