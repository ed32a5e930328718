// What has no table of its own on most machines: sensors, containers, failed services; and the facts

const SENSORS = source(
  "sensors",
  10,
  found => {
    sensed = found;
    if (last) {
      paintHeat();
      paintPower();
    }
    const cells = Object.entries(sensorGroups(found))
      .filter(each => each[1].length)
      .map(([title, rows]) => listed(title, rows));
    renew(
      at("sensor-lists"),
      ...(cells.length ? cells : [make("p.soft", "This machine has none that pi-stat can read.")]),
    );
  },
  { target: () => "/sensors", seconds: 12 },
);

function listed(title, rows) {
  return make(
    "div",
    make("h3", title),
    make("dl", ...rows.flatMap(([name, value]) => [make("dt", name), make("dd", value)])),
  );
}
function sensorGroups(found) {
  const of = (rows, write) =>
    Object.entries(rows ?? {})
      .map(([name, each]) => [named(name), write(each)])
      .filter(each => each[1]);
  const volts = n => (n == null ? "" : n.toFixed(2) + NB + "V");
  const heat = each =>
    each.temperature == null
      ? ""
      : warmth(each.temperature, 1) + ((each.critical ?? each.high) ? ` of ${warmth(each.critical ?? each.high)}` : "");
  return {
    Temperatures: of(found.temperatures, heat),
    Fans: of(found.fans, each =>
      joined(
        each.rpm != null && grouped(each.rpm) + NB + "rpm",
        each.pwm != null && percent(each.pwm / 2.55) + NB + "%",
      ),
    ),
    Voltages: of(found.voltages, volts),
    "Power rails": of(found.pmic?.rails, each =>
      joined(volts(each.volts), each.watts != null && each.watts.toFixed(2) + NB + "W"),
    ),
    Supplies: of(found.supplies, each =>
      joined(
        each.online == null ? "" : each.online ? "online" : "offline",
        each.capacity != null && percent(each.capacity) + NB + "%",
        each.status,
        volts(each.voltage),
      ),
    ),
  };
}
const named = name =>
  name
    .replace(/_/g, " ")
    .replace(/^cpu thermal$/, "CPU")
    .replace(/^rp1 adc$/, "I/O chip (RP1)")
    .replace(/^pmic$/, "power chip")
    .replace(/^sdram (.)$/, (_, part) => "memory " + { c: "core", i: "I/O", p: "PHY" }[part]);

table("containers", 10, "/containers", found => found.containers.map(containerRow), {
  also: found => present("containers", found.containers.length > 0),
});
function containerRow(each) {
  const about = joined(
    each.engine,
    each.processes && counted(each.processes, "process", "processes"),
    each.started && "up " + lasting(last - each.started),
  );
  const cpu = sized(
    each.cpu_percent,
    known(each.cpu_percent, n => n.toFixed(1) + NB + "%"),
  );
  return row(
    each.name,
    make("small", about),
    cpu,
    sized(each.memory, memory(each.memory), each.memory_limit ? "of " + memory(each.memory_limit) : ""),
  );
}
table("units", 20, "/services", found => found.failed.map(unitRow), {
  none: "None has failed.",
  also: found => present("units", found.failed_count != null),
});
function unitRow(unit) {
  return row(
    unit.name,
    make("small", unit.description ?? ""),
    make("td.n.is-bad", "failed"),
    make(
      "td.n",
      known(unit.since, () => lasting(Math.max(0, last - unit.since)) + " ago"),
    ),
  );
}
// A section without anything in it is not shown; it is looked at by a line of nothing in its place
function present(id, there) {
  at(id).closest("section").classList.toggle("empty", !there);
}

// Facts: what is looked up rarely, in words

function paintFacts() {
  const { hardware, system, clocks, gpu } = now;
  const built = seconds => (seconds == null ? null : day(seconds));
  const updates = system.updates ?? {};
  facts("board", {
    Model: hardware.model,
    Chip: hardware.soc,
    Memory: hardware.memory && memory(hardware.memory),
    Maker: hardware.maker,
    Revision: hardware.revision,
    "Boots from": hardware.boot_medium,
    "USB devices": hardware.usb_devices,
    Bootloader: joined(built(hardware.bootloader), hardware.bootloader_outdated && "a newer one is there"),
    Serial: hardware.serial,
  });
  facts("software", {
    System: joined(system.os, system.userland_bits && system.userland_bits + "-bit"),
    Kernel: joined(system.kernel, system.architecture),
    Firmware: hardware.firmware,
    Updates:
      updates.pending == null
        ? null
        : updates.pending
          ? `${updates.pending}, ${updates.security ?? 0} for security`
          : "none",
    Restart:
      system.reboot_required == null
        ? null
        : system.reboot_required
          ? joined("needed", system.reboot_reason)
          : "not needed",
  });
  facts("clocks", {
    CPU: clocks.arm && hertz(clocks.arm),
    GPU: clocks.core && hertz(clocks.core),
    "3D": gpu.v3d_clock == null ? null : hertz(gpu.v3d_clock),
    Memory: clocks.sdram && hertz(clocks.sdram),
    "GPU memory": gpu.memory && memory(gpu.memory),
    Governor: now.cpu_governor,
    Started: now.boot_time && clock(now.boot_time, 1e6),
    "Time set by": system.clock_source,
    "In step": system.clock_synchronized == null ? null : system.clock_synchronized ? "yes" : "no",
  });
}
// The serial number is shown to who asks for it: a screenshot is soon taken
function facts(id, rows) {
  const shown = Object.entries(rows).filter(each => each[1] != null && each[1] !== "");
  const list = at("facts-" + id);
  list.closest("div").hidden = !shown.length;
  const unseen = name => name === "Serial" && !list.dataset.shown;
  renew(
    list,
    ...shown.flatMap(([name, value]) => [make("dt", name), make("dd", unseen(name) ? revealer(list) : value + "")]),
  );
}
function revealer(list) {
  return button(".plain", "show", "Show the serial number", () => {
    list.dataset.shown = "yes";
    paintFacts();
  });
}
