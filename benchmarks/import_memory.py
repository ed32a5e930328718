"""Where the resident memory of the daemon goes: each package that it imports, without what that imports.

Of pistat, each room. Run it with the unit's MALLOC_ARENA_MAX and GLIBC_TUNABLES; what a route needs when
it is first asked for is not in it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SHOWN = 30


def resident() -> int:
    """Return the KiB of memory of this process."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))


def package(module: str) -> str:
    """Return the package of a module; of pistat, its room."""
    first, _, rest = module.partition(".")
    return f"{first}/{rest.partition('.')[0]}" if first == "pistat" and rest else first


class Weighing:
    """Finds modules as ever, and notes by how much the memory grows while each is executed."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self._inner = [0]

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        finders = [each for each in sys.meta_path if each is not self]
        spec = next(filter(None, (each.find_spec(name, path, target) for each in finders)), None)
        if spec and spec.loader and spec.origin not in ("built-in", "frozen"):
            self._weigh(spec.loader)
        return spec

    def _weigh(self, loader: Any) -> None:
        run = loader.exec_module

        def weighed(module: ModuleType) -> None:
            before = resident()
            self._inner.append(0)
            try:
                run(module)
            finally:
                grown = resident() - before
                self.own[package(module.__name__)] += grown - self._inner.pop()
                self._inner[-1] += grown

        loader.exec_module = weighed


def main() -> None:
    """Import the daemon and print the heaviest packages."""
    weighing = Weighing()
    before = resident()
    sys.meta_path.insert(0, weighing)
    from pistat import slim_imports  # noqa: PLC0415 - what it leaves out is not to be weighed

    slim_imports.block()
    slim_imports.import_libraries()
    import pi_system_monitor  # noqa: F401, PLC0415

    print(f"| package | MiB |\n|---|--:|\n| Python itself | {before / 1024:.1f} |")
    for name, grown in weighing.own.most_common(SHOWN):
        print(f"| {name} | {grown / 1024:.1f} |")
    rest = sum(weighing.own.values()) - sum(grown for _, grown in weighing.own.most_common(SHOWN))
    print(f"| {len(weighing.own) - SHOWN} others | {rest / 1024:.1f} |\n| all | {resident() / 1024:.1f} |")


if __name__ == "__main__":
    main()
