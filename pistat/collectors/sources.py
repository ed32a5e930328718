"""Sources that several collectors read."""

from pistat.field import File, first_of
from pistat.machine.board import TREE
from pistat.machine.hwmon import HWMON

CPUINFO = "/proc/cpuinfo"

MODEL = first_of(
    File(f"{TREE}/model"),
    File(CPUINFO, "Model"),
    File("/sys/class/dmi/id/sys_vendor"),
    File("/sys/class/dmi/id/product_name"),
)
CODE = first_of(File(f"{TREE}/system/linux,revision"), File(CPUINFO, "Revision"))
SOC = first_of(CODE, File(f"{TREE}/compatible"))

CHIPS = File(f"{HWMON}/hwmon*/name")
ZONES = File("/sys/class/thermal/thermal_zone*/type")
"""By what a sensor is found: numbers differ from start to start."""

TEMPERATURE_LABELS = File(f"{HWMON}/hwmon*/temp*_label")
TEMPERATURE_FAULTS = File(f"{HWMON}/hwmon*/temp*_fault")
