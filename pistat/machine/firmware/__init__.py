"""Questions to the VideoCore firmware of a Raspberry Pi."""
