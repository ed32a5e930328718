"""Pure parsers: text or bytes in, a value or None out. They import nothing of the other packages."""
