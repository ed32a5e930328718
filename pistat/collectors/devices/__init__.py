"""Parts of the board, and what is attached to it: bootloader, USB ports, power supplies, health of drives."""
