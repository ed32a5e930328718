// The tiles: an answer of /stats, onto the page

const QUICK = "cpu_temp,cpu_freq,cpu_usage,per_cpu_usage,memory,disk_io,network,power,load_avg,uptime,timestamp";
const SLOW = ",cpu_governor,swap,disk,gpu,clocks,hardware,system,boot_time";
const MISSING = "Why readings are missing: see /capabilities.";
// What the machine calls itself, once it has said so
let host = "This machine";
let now = { disk: {}, swap: {}, gpu: {}, clocks: {}, hardware: {}, system: {}, errors: {} };
let links = {};
let sensed = {};
let turn = 0;
// Until sensors and interfaces have been asked for, or cannot be, what the HTML says of them stays
const early = source => !source.found && turn < 3;

const STATS = source(
  "stats",
  1,
  found => {
    turn++;
    if (!accept(found)) return;
    paintTiles();
    paintFindings();
  },
  { target: () => "/stats?fields=" + QUICK + (turn % 5 ? "" : SLOW), kept: () => last && now },
);

// False when it is the answer that is here already
function accept(answer) {
  const time = answer.timestamp;
  if (time === last) return false;
  if (time < last) forget();
  last = time;
  seenAt = Date.now();
  // Of what was not asked for this time, the error of before holds
  const errors = Object.fromEntries(Object.entries(now.errors).filter(([key]) => !(key in answer)));
  now = { ...now, ...answer, errors: { ...errors, ...answer.errors } };
  // Its name can turn round neither the headline nor the title
  host = (now.system.hostname ?? host).replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  record("cpu_temp", time, answer.cpu_temp);
  record("cpu_usage", time, answer.cpu_usage);
  record("memory.percent", time, answer.memory.percent);
  record("disk_io.read_rate", time, answer.disk_io.read_rate);
  record("disk_io.write_rate", time, answer.disk_io.write_rate);
  const traffic = Object.entries(answer.network ?? {}).filter(each => isNaN(each[1]));
  for (const [name, each] of traffic) record("in " + name, time, each.recv_rate);
  // A container has no physical interface
  const physical = traffic.filter(([name]) => links[name]?.physical);
  const counted = physical.length ? physical : traffic.filter(([name]) => name === mainLink());
  const rows = counted.map(each => each[1]);
  if (LINKS.found) for (const way of ["recv_rate", "sent_rate"]) record("network." + way, time, sum(rows, way));
  return true;
}
function sum(rows, name) {
  const known = rows.map(each => each[name]).filter(value => value != null);
  return known.length ? known.reduce((one, other) => one + other) : null;
}
function paintTiles() {
  put(at("name"), host);
  put(at("model"), joined(now.hardware.model, now.hardware.memory && memory(now.hardware.memory)));
  put(at("up"), now.uptime == null ? "" : "up " + lasting(now.uptime));
  paintHeat();
  paintCpu();
  paintMemory();
  paintDisk();
  paintNetwork();
  paintPower();
  paintFacts();
  paintGraphs();
  // Their rates are in each answer
  if (LINKS.found && LINKS.visible && !LINKS.held()) LINKS.paint();
}
function figure(id, text, unit) {
  const [value, beside] = at("v-" + id).children;
  put(value, text);
  put(beside, text === NONE ? "" : unit);
}
// The two lines under a tile: of its readings, or what failed in the daemon's own words
function notes(id, left, right = "") {
  const tile = at(id);
  const failed = tile.dataset.keys.split(", ").find(key => now.errors[key]);
  const [one, two] = tile.querySelector(".f").children;
  if (!failed && left === MISSING) {
    const [before, after] = left.split("/capabilities");
    renew(one, ...make("span", before, link("/capabilities", "/capabilities"), after).childNodes);
  } else put(one, failed ? `${failed}: ${now.errors[failed]}` : (left ?? ""));
  put(two, failed ? "" : right);
}
// At how many °C it slows itself, as it is shipped: a 3A+ and a 3B+ have a soft limit. Null for a PC
function limit() {
  const found = /^Raspberry(.*3.Model..(.P|\+))?/.exec(now.hardware.model);
  return found && (found[1] ? 60 : 80);
}
function paintHeat() {
  const heat = now.cpu_temp;
  const fan = Object.values(sensed.fans ?? {}).find(each => each.rpm != null);
  figure(
    "heat",
    known(heat, () => degrees(heat).toFixed(1)),
    degree(),
  );
  notes(
    "heat",
    heat == null ? MISSING : extremes(),
    fan
      ? `fan ${grouped(fan.rpm)}${NB}rpm`
      : early(SENSORS)
        ? at("heat").querySelector(".f").lastChild.textContent
        : "",
  );
}
// Between which temperatures it was in the range that is drawn
function extremes() {
  const found = samples("cpu_temp", remembered[chosen().api], last - chosen().seconds).filter(
    sample => sample[1] != null,
  );
  const low = whole(degrees(Math.min(...found.map(sample => sample[2]))));
  const high = Math.max(...found.map(sample => sample[3]));
  return `${low === whole(degrees(high)) ? "" : low + "–"}${warmth(high)} in ${range}`;
}
function paintCpu() {
  const cores = now.per_cpu_usage;
  figure("cpu", percent(now.cpu_usage), `% of ${counted(cores.length, "core")}`);
  notes(
    "cpu",
    now.cpu_freq && hertz(now.cpu_freq * 1e6),
    now.load_avg[0] == null ? "" : "load " + now.load_avg[0].toFixed(2),
  );
  const bars = cores.map((value, i) =>
    drawn("rect", { x: i * 12, y: 24 - Math.max(1, (value ?? 0) * 0.24), width: 9, height: 24 }),
  );
  const box = at("cores");
  box.setAttribute("viewBox", `0 0 ${Math.max(9, cores.length * 12 - 3)} 24`);
  renew(box, ...bars);
}
function paintMemory() {
  const ram = now.memory;
  const unit = memory(ram.total).split(NB)[1];
  const used = known(ram.used, () => three(ram.used / 1024 ** ["B", "KiB", "MiB", "GiB", "TiB"].indexOf(unit)));
  figure("memory", used, `of ${memory(ram.total)} · ${percent(ram.percent)}${NB}%`);
  notes(
    "memory",
    !now.swap.total ? "no swap" : now.swap.used ? `swap ${percent(now.swap.percent)}${NB}% used` : "swap unused",
  );
}
function paintDisk() {
  const card = now.disk;
  const [free, unit = ""] = size(card.free).split(NB);
  figure("disk", free, `${unit} free of ${size(card.total)}`);
  at("disk")
    .querySelector(".meter rect")
    .setAttribute("width", card.percent ?? 0);
  const traffic = now.disk_io;
  if (traffic.read_bytes == null) notes("disk", MISSING);
  else notes("disk", "reads " + speed(traffic.read_rate), "writes " + speed(traffic.write_rate));
}
// That of the default route; where there is none, the one with the most traffic
function mainLink() {
  const rows = Object.entries(LINKS.found ? links : (now.network ?? {})).filter(each => isNaN(each[1]));
  const busiest = (one, other) => other[1].bytes_recv - one[1].bytes_recv;
  return (rows.find(each => each[1].default_route) ??
    rows.filter(each => each[1].is_up).sort(busiest)[0] ??
    rows[0])?.[0];
}
function paintNetwork() {
  if (early(LINKS)) return;
  const name = mainLink();
  const link = links[name] ?? {};
  const live = now.network?.[name] ?? {};
  put(at("network").querySelector("h3"), joined("Network", name).replace(" · ", " "));
  for (const [id, value, word] of [
    ["received", live.recv_rate, "in"],
    ["sent", live.sent_rate, "out"],
  ]) {
    const [text, unit] = rate(value);
    figure(id, text, `${unit} ${word}`);
  }
  notes("network", (link.addresses?.[0] ?? "").split("/")[0], pace(link, live));
}
const pace = (link, live = link) =>
  link.is_up === false
    ? "down"
    : live.signal_strength != null
      ? minus(live.signal_strength) + NB + "dBm"
      : link.speed
        ? link.speed + NB + "Mbit/s"
        : link.is_up
          ? "up"
          : "";

function paintGraphs() {
  if (!document.hidden) {
    for (const each of GRAPHS) draw(each);
    paintKey(at("key"), GRAPHS);
  }
  if (now.cpu_temp != null) paintHeat();
}
function equipTiles() {
  const share = n => percent(n) + NB + "%";
  const shares = { scale: () => [0, 100], write: share, written: share };
  const round = n => speed(n).replace(/\.0+(?=\D)/, "");
  const traffic = least => ({ scale: series => [0, ceiling(least, series)], write: speed, written: round });
  const tiles = {
    heat: {
      label: "Temperature over time",
      names: ["cpu_temp"],
      scale: () => [30, 90],
      mark: limit,
      write: n => warmth(n, 1),
      written: () => (limit() ? `slows itself at ${warmth(limit())}` : ""),
    },
    cpu: { label: "CPU usage over time", names: ["cpu_usage"], ...shares },
    memory: { label: "Memory usage over time", names: ["memory.percent"], ...shares },
    disk: {
      label: "Disk traffic over time",
      names: ["disk_io.read_rate", "disk_io.write_rate"],
      words: ["read", "written"],
      ...traffic(1e5),
    },
    network: {
      label: "Network traffic over time",
      names: ["network.recv_rate", "network.sent_rate"],
      words: ["in", "out"],
      ...traffic(1e4),
    },
  };
  for (const id in tiles) graph(at("g-" + id), tiles[id]);
}
