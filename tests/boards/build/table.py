"""All boards."""

from boards.build import bcm2711, bcm2712, bcm2835, bcm2837, others

BOARDS = (*bcm2835.BOARDS, *bcm2837.BOARDS, *bcm2711.BOARDS, *bcm2712.BOARDS, *others.BOARDS)
