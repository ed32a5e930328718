"""Builds the board folders from declarations: `python -m boards.build`, in `tests`, writes them all again.

None of them is a recording: texts and numbers follow what is publicly known of these machines, the rest is
chosen so that an error shows. Addresses are from the ranges for documentation, serial numbers are invented.
What nobody has confirmed is left out, and named in the note of its board.

`parts` says what a board is made of; `bcm2835` to `bcm2712` and `others` declare the boards, by processor;
`common` and `socs` hold what they share; `folder`, with `proc`, `sysfs` and `transcript`, makes the files.

A colon cannot be part of a file name on Windows, so it is stored as `%3A`.
"""
