"""The speeds of links; those of real ones are in test_links.py."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.require import Require


def test_what_is_not_there_has_no_speed(require: Require) -> None:
    """An interface that has gone meanwhile is no failure."""
    require(sys.platform == "linux", "Linux", installed=False)
    from pistat.machine.network import ethtool  # noqa: PLC0415 - Windows has none of what it needs

    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as kernel:
        assert ethtool.speeds(kernel, ["gone"]) == {"gone": None}
