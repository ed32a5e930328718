// An answer of /stats, onto the page

const SILENT = /gone|locked/;
let now = {}, before = null, kind = "";

function sum(links, counter) {
  const counts = Object.values(links || {}).map(each => each?.[counter]).filter(count => count != null);
  return counts.length ? counts.reduce((a, b) => a + b) : null;
}
function counters(now) {
  return { received: sum(now.network, "bytes_recv"), sent: sum(now.network, "bytes_sent"), read: now.disk_io.read_bytes, written: now.disk_io.write_bytes };
}
// False when it is the answer that is here already
function accept(answer) {
  const time = answer.timestamp, counts = counters(answer);
  if (time === last && before) return false;
  if (time < last || time - last > WINDOW) { series = {}; first = 0; before = null; }
  record("heat", time, answer.cpu_temp);
  record("memory", time, answer.memory.percent);
  answer.per_cpu_usage.forEach((value, core) => record("core" + core, time, value));
  const rates = {};
  // A counter that runs backwards was begun anew
  if (before) for (const name in counts) rates[name] = before[name] == null || !(counts[name] >= before[name]) ? null : (counts[name] - before[name]) / (time - last);
  record("received", time, rates.received ?? null);
  record("sent", time, rates.sent ?? null);
  record("disk", time, rates.read == null || rates.written == null ? null : rates.read + rates.written);
  before = counts;
  first ||= time;
  last = time;
  now = { disk: {}, swap: {}, gpu: {}, clocks: {}, hardware: {}, system: {}, ...now, errors: {}, ...answer, rates: rates };
  host = now.system.hostname ?? host;
  return true;
}
const mood = (id, level) => { for (const each of ["warn", "bad"]) at(id).classList.toggle(each, each === level); };
// The two lines under a tile: of its figures, or what failed in the daemon's own words
function notes(id, left, right = "") {
  const failed = at(id).firstChild.dataset.keys.split(", ").find(key => now.errors[key]);
  const [one, two] = all(".f span", at(id));
  put(one, failed ? `${failed}: ${now.errors[failed]}` : left);
  put(two, failed ? "" : right);
}
function figure(id, text, unit) {
  const [value, beside] = at(id).children;
  put(value, text);
  put(beside, text === NONE ? "" : unit);
}
function paint() {
  const [level, what, words] = sentence(now);
  headline(words, level);
  if (kind && what !== kind) tell((SILENT.test(kind) ? host + " answers again. " : "") + words);
  kind = what;
  document.title = (level ? "! " : "") + (now.cpu_temp == null ? "" : celsius(now.cpu_temp) + " · ") + host;
  put(at("name"), host);
  put(at("model"), now.hardware.model ?? "");
  put(at("up"), now.uptime == null ? "" : "up " + lasting(now.uptime));
  paintHeat();
  paintCores();
  paintMemory();
  paintDisk();
  paintNetwork();
  paintPower();
  paintFacts();
}
function paintHeat() {
  const heat = now.cpu_temp, seen = values("heat").map(Math.round), low = Math.min(...seen), high = Math.max(...seen);
  figure("v-heat", known(heat, n => n.toFixed(1)), "°C");
  if (heat == null) notes("heat", MISSING);
  else notes("heat", `${low < high ? low + "–" : ""}${celsius(high)} lately`, limit() ? "slows itself at " + celsius(limit()) : "");
  draw(at("g-heat"), "heat", 30, 90, limit());
  mood("heat", heat >= 85 || kind === "heat" ? "bad" : heat >= 80 || kind === "warm" ? "warn" : "");
}
function paintCores() {
  const cores = now.per_cpu_usage, box = at("cores");
  figure("v-cpu", percent(now.cpu_usage), "%");
  notes("cpu", known(now.cpu_freq, n => hertz(n * 1e6)), "load " + now.load_avg.map(n => known(n, n => n.toFixed(2))).join(" "));
  if (box.childElementCount !== cores.length) {
    box.replaceChildren(...cores.map(() => make("div", graph(30), make("span"))));
    box.classList.toggle("many", cores.length > 4);
  }
  cores.forEach((value, core) => {
    const [svg, text] = box.children[core].children;
    draw(svg, "core" + core, 0, 100);
    put(text, known(value, n => whole(n) + NB + "%"));
  });
}
function paintMemory() {
  const ram = now.memory;
  figure("v-memory", percent(ram.percent), "%");
  notes("memory", `${memory(ram.used)} of ${memory(ram.total)}`, now.swap.total ? `swap ${percent(now.swap.percent)}${NB}%` : "no swap");
  draw(at("g-memory"), "memory", 0, 100);
  mood("memory", kind === "memory" ? "warn" : "");
}
function paintDisk() {
  const card = now.disk, top = ceiling(1e5, "disk");
  figure("v-disk", percent(card.percent), "%");
  at("m-disk").style.width = (card.percent ?? 0) + "%";
  notes("disk", `${size(card.free)} free of ${size(card.total)}`, "I/O full scale " + scale(top));
  draw(at("g-disk"), "disk", 0, top);
  mood("disk", kind === "disk" ? "warn" : "");
}
function paintNetwork() {
  const top = ceiling(1e4, "received", "sent");
  for (const way of ["received", "sent"]) {
    figure("v-" + way, ...rate(now.rates[way]));
    draw(at("g-" + way), way, 0, top);
  }
  notes("network", "full scale " + scale(top), known(now.network.active_connections, n => n + " connections"));
}
function paintPower() {
  const power = now.power, told = power.throttled != null;
  const states = { under_voltage: ["Under-voltage", "bad"], throttled: ["Throttled", "bad"], freq_capped: ["Capped", "warn"], soft_temp_limit: ["Soft limit", "warn"] };
  const [word, level] = states[Object.keys(states).find(flag => power[flag])] ?? [told ? "Steady" : NONE, ""];
  figure("v-power", word, known(power.core_voltage, n => `${n.toFixed(2)}${NB}V core`).replace(NONE, ""));
  mood("power", level);
  for (const line of all("[data-flag]")) ["", "_since_boot"].forEach((when, i) => {
    const value = power[line.dataset.flag + when], shown = line.cells[i + 1];
    put(shown, known(value, yes => yes ? "yes" : "no"));
    shown.className = value ? when ? "is-warn" : "is-bad" : "";
  });
  at("flags").hidden = !told && power.under_voltage == null;
  notes("power", !told ? MISSING : power.under_voltage == null ? "This board cannot detect under-voltage." : "");
}
// All the rest that it knows of itself, in the units that the manual gives
function paintFacts() {
  const facts = ["gpu", "clocks", "hardware", "system"].flatMap(key => leaves(key, now[key])).filter(([path, value]) => value != null && !/model|hostname/.test(path));
  at("facts").replaceChildren(...facts.map(([path, value]) => make("div", Object.assign(make("dt", titled(path)), { title: path }), make("dd", written(path, value)))));
}
function leaves(path, value) {
  return value instanceof Object ? Object.entries(value).flatMap(([name, each]) => leaves(path + "." + name, each)) : [[path, value]];
}
function titled(path) {
  return path.replace(/hardware.|system./, "").replace(/clocks.(\w+)/, "$1 clock").replace(/[._]/g, " ").replace(/\b(arm|gpu|os|pcb|soc|usb|v3d)\b|^./g, word => word.toUpperCase()).replace("SOC", "SoC");
}
function written(path, value) {
  const unit = manual.find(field => field.path === path)?.parts[1].textContent;
  const write = { "°C": () => value.toFixed(1) + NB + unit, B: memory, Hz: hertz, "Unix s": () => new Date(value * 1e3).toISOString().slice(0, 10) }[unit];
  return write ? write(value) : value + "";
}
