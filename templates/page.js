"use strict";
// The live half of the page. Whatever the daemon says becomes text nodes, never markup.

const at = id => document.getElementById(id);
const all = (query, root = document) => [...root.querySelectorAll(query)];
const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const NB = "\u00a0", NONE = "–";
// What the machine calls itself, once it has said so
let host = "This machine";
const EVERY = +document.body.dataset.every, WINDOW = 300;

function make(kind, ...inside) {
  const [tag, ...names] = kind.split("."), node = document.createElement(tag);
  node.className = names.join(" ");
  node.append(...inside);
  return node;
}
function button(kind, text, label, act) {
  const node = make("button.btn" + kind, text);
  node.ariaLabel = label;
  node.onclick = act;
  return node;
}

// What this tab keeps, if it may
function kept(name, text) {
  try { return text == null ? sessionStorage[name] : sessionStorage[name] = text; } catch { return ""; }
}

// Figures in words

const known = (value, write) => value == null ? NONE : write(value);
const three = n => n.toFixed(n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2);
const percent = n => known(n, () => n.toFixed(n > 0 && n < 9.95 ? 1 : 0));
const whole = n => Math.round(n) + "";
const celsius = n => whole(n) + NB + "°C";
const size = n => known(n, () => scaled(n, 1000, ["B", "kB", "MB", "GB", "TB"]));
const memory = n => known(n, () => scaled(n, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]));
const hertz = n => known(n, () => n ? scaled(n, 1000, ["Hz", "kHz", "MHz", "GHz"]) : "asleep");
const clock = seconds => new Date(seconds * 1e3).toTimeString().slice(0, 8);
const rate = n => n == null ? [NONE, ""] : n < 999500 ? [(n / 1e3).toFixed(n < 99500 ? 1 : 0), "kB/s"] : [three(n / 1e6), "MB/s"];

function scaled(n, step, units) {
  let i = 0;
  for (; n >= step * .9995 && i < units.length - 1; i++) n /= step;
  return (i ? three(n).replace(/\.0+$/, "") : whole(n)) + NB + units[i];
}
function lasting(seconds) {
  const days = seconds / 86400 | 0, hours = seconds % 86400 / 3600 | 0, minutes = seconds % 3600 / 60 | 0;
  if (days) return `${days}${NB}d ${hours}${NB}h`;
  if (hours) return `${hours}${NB}h ${minutes}${NB}min`;
  return minutes ? `${minutes}${NB}min` : `${seconds | 0}${NB}s`;
}

// At how many °C it slows itself, as it is shipped: a 3A+ and a 3B+ have a soft limit. Null for a PC
function limit() {
  const found = /^Raspberry(.*3.Model..(.P|\+))?/.exec(now.hardware.model);
  return found && (found[1] ? 60 : 80);
}
const MISSING = "Why readings are missing: see /capabilities.";

// The sentence: how bad it is, of which kind, and the words; only what stands between stars is coloured

function sentence(now) {
  const power = now.power, heat = now.cpu_temp;
  const slowed = "so the CPU has been slowed", soft = power.soft_temp_limit, there = heat == null ? "" : " at " + celsius(heat);
  if (power.under_voltage)
    return ["bad", "supply", `${host} is *short of power*: its supply is sagging${power.throttled || power.freq_capped ? ", " + slowed : ""}.`];
  if (heat >= 85 || power.throttled && (heat >= 75 || soft))
    return ["bad", "heat", `${host} is *too hot*${there}${power.throttled ? ", " + slowed + " to cool down" : ""}.`];
  // A supply that has just sagged slows a cool board, too
  if (power.throttled || power.freq_capped) return [power.throttled ? "bad" : "warn", "slow", `${host} *has been slowed*, by its supply or by heat.`];
  if (heat >= 80 || soft) return ["warn", "warm", `${host} is *hot*${there}${soft ? " and has slowed itself a little" : ""}.`];
  if (now.disk.percent >= 95) return ["warn", "disk", `${host} is *nearly out of disk space*: ${size(now.disk.free)} left.`];
  if (now.memory.percent >= 95) return ["warn", "memory", `${host} is *nearly out of memory*: ${memory(now.memory.available)} left.`];
  const parts = [heat == null ? "" : celsius(heat), now.cpu_usage == null ? "" : `${whole(now.cpu_usage)}${NB}% busy`].filter(Boolean);
  const past = power.under_voltage_since_boot ? "its supply has sagged" : Object.keys(power).some(flag => flag.endsWith("_since_boot") && power[flag]) ? "it has been slowed" : "";
  if (past) return ["", "past", `${host} is fine now${parts.length ? ", at " + parts.join(" and ") : ""}, though ${past} since it booted.`];
  if (power.throttled === false) parts.push((power.under_voltage == null ? "never slowed" : "power steady") + " since it booted");
  else if (heat == null && now.memory.percent != null) parts.push(`${whole(now.memory.percent)}${NB}% of memory in use`);
  return ["", "fine", parts.length ? `${host} is fine: ${parts.join(", ")}.` : host + " answers, but cannot tell how it is."];
}
function headline(text, level) {
  const node = at("say");
  node.className = level;
  if (node.textContent !== text.replaceAll("*", "")) node.replaceChildren(...text.split("*").map((part, i) => i % 2 ? make("em", part) : part));
}
const tell = text => put(at("tell"), text.replaceAll("*", ""));

// Graphs of what this page has seen. Series are lists of [time, value]

let series = {}, first = 0, last = 0;

function record(name, time, value) {
  const seen = series[name] ??= [];
  seen.push([time, value]);
  while (seen[0][0] < time - WINDOW) seen.shift();
}
function graph(height) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const given = { class: "sp", viewBox: "0 0 300 " + height, preserveAspectRatio: "none", "aria-hidden": "true" };
  for (const name in given) svg.setAttribute(name, given[name]);
  for (const part of "bgmald") {
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("class", part);
    svg.append(path);
  }
  return svg;
}
// Where nothing was seen the line breaks and the baseline is dotted: no bridge, no zero
function draw(svg, name, low, high, mark) {
  const height = svg.viewBox.baseVal.height, foot = height - .5;
  const span = Math.min(WINDOW, Math.max(60, last - first)), from = last - span;
  const x = time => ((time - from) / span * 300).toFixed(1);
  const y = value => (height - 1.5 - (Math.min(high, Math.max(low, value)) - low) / (high - low) * (height - 4)).toFixed(1);
  let line = "", area = "", gaps = "", end = null, run = [];
  const close = () => {
    if (run.length > 1) {
      const points = run.map(([time, value]) => x(time) + " " + y(value)).join("L");
      line += "M" + points;
      area += `M${x(run[0][0])} ${height}L${points}L${x(run.at(-1)[0])} ${height}Z`;
    }
    run = [];
  };
  for (const sample of series[name] || []) {
    const [time, value] = sample;
    if (time < from) continue;
    if (value == null) { close(); continue; }
    if (end && (!run.length || time - end[0] > EVERY * 2.5)) {
      close();
      gaps += `M${x(end[0])} ${foot}H${x(time)}`;
    }
    run.push(end = sample);
  }
  close();
  const set = (part, d) => svg.querySelector("." + part).setAttribute("d", d);
  const base = `M0 ${foot}H300`;
  set("b", base);
  set("g", end ? gaps : base);
  set("m", mark && end ? `M0 ${y(mark)}H300` : "");
  set("a", area);
  set("l", line);
  set("d", end ? `M${x(end[0])} ${y(end[1])}h0` : "");
}
const values = name => (series[name] || []).map(sample => sample[1]).filter(value => value != null);
// The scale of rates: 1, 2 or 5 times a power of ten, so that it seldom moves
function ceiling(least, ...names) {
  const most = Math.max(least, ...names.flatMap(values)), power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].find(step => most <= step * power) * power;
}
const scale = n => rate(n).join(NB).replace(/\.0+(?=\D)/, "");

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

// Asking: one request at a time, slower after refusals and failures, none while nobody looks

const QUICK = "cpu_temp,cpu_freq,cpu_usage,per_cpu_usage,memory,disk_io,network,power,load_avg,uptime,timestamp", SLOW = ",swap,disk,gpu,clocks";
let turn = 0, failures = 0, timer = 0, paused = false, asking = false, due = 0, note = null, complete = false;

function ask(target, seconds = 5) {
  // Even without a token: to a script that shows one, the browser puts up no dialog of its own. Not as
  // Authorization: that is what the browser shows to a proxy with a password. Without what no token
  // holds, such as a blank that was copied along.
  return fetch(target, { headers: { "X-API-Key": at("token").value.replace(/[^!-~]/g, "") }, cache: "no-store", signal: AbortSignal.timeout(seconds * 1e3) });
}
const left = () => Math.max(0, Math.ceil(due - Date.now() / 1e3)) + NB + "s";
function status(text, state = "") {
  at("live").classList.toggle("off", !!state);
  at("now").classList.toggle("stale", state === "gone");
  put(at("live-text"), text);
}
async function tick() {
  if (paused || document.hidden || asking) return;
  asking = true;
  let wait = EVERY;
  try {
    wait = await settle(await ask("/stats?fields=" + QUICK + (turn % 5 ? "" : SLOW) + (complete ? "" : ",hardware,system")));
  } catch (why) {
    wait = gone(why);
  }
  asking = false;
  due = Date.now() / 1e3 + wait;
  if (note) put(at("live-text"), note());
  later();
}
// Not before it is time, whoever comes back in between
function later() {
  clearTimeout(timer);
  timer = setTimeout(tick, due * 1e3 - Date.now());
}
// What an answer means; the seconds until the next question
async function settle(answer) {
  if (answer.status === 429) {
    note = () => `Asked too often; asking again in ${left()}.`;
    status("", "busy");
    return +answer.headers.get("Retry-After") || 30;
  }
  if (answer.status === 401) return locked();
  if (!answer.ok) throw answer.status;
  const found = await answer.json();
  failures = 0;
  note = null;
  complete ||= !(found.errors?.hardware || found.errors?.system);
  if (accept(found) || SILENT.test(kind)) paint();
  turn++;
  status(`Live, every ${EVERY} s. Last seen ${clock(last)}.`);
  TABLES.forEach(refresh);
  return EVERY;
}
function locked() {
  const refused = at("token").value ? "does not accept this token" : "needs a token";
  at("lock").open = true;
  note = () => `Asking again in ${left()}.`;
  status("", "busy");
  headline(`${host} *${refused}*; the box for it is below.`, "warn");
  if (kind !== "locked") {
    at("live").after(at("lock"));
    tell(`${host} ${refused}.`);
  }
  kind = "locked";
  return 30;
}
// Without an answer, or with the status of one that is an error
function gone(why) {
  const [now, since] = why > 0 ? ["fails with " + why, "has failed with " + why] : ["does not answer", "has not answered"];
  if (!failures++) tell(`${host} ${now}.`);
  note = () => `${last ? "The readings are from then. " : ""}Trying again in ${left()}.`;
  status("", "gone");
  headline(last ? `${host} *${since}* since ${clock(last)}.` : `${host} *${now}*.`, "warn");
  document.title = "? " + host;
  kind = "gone";
  return [2, 4, 8, 15][failures - 1] ?? 30;
}
function pause() {
  paused = !paused;
  put(at("pause"), paused ? "Resume" : "Pause");
  note = null;
  if (paused) status(`Paused${last ? " at " + clock(last) : ""}.`, "busy");
  else tick();
}

// Tables: asked for only while they are on screen, and kept still under a pointer

const minus = n => (n + "").replace("-", "−");
const joined = (...parts) => parts.filter(part => part || part === 0).join(" · ");

function row(name, small, ...cells) {
  const head = make("th", name, small);
  head.scope = "row";
  return make("tr", head, ...cells);
}
function sized(value, ...inside) {
  const node = make("td.n", ...inside);
  node.dataset.value = value ?? -1;
  return node;
}
function processRow(process) {
  const shares = [process.cpu_percent, process.memory_percent].map(share => make("td.n", known(share, n => n.toFixed(1) + NB + "%")));
  const made = row(process.name, make("small.only", joined(process.pid, process.user)), make("td.pc.soft", process.user ?? NONE), ...shares, make("td.n.soft", known(process.running_time, lasting)));
  made.prepend(make("td.pc.soft", process.pid));
  return made;
}
function linkRow([name, link]) {
  const lost = link.errin + link.errout + link.dropin + link.dropout;
  const state = link.is_up === false ? "down" : link.signal_strength != null ? minus(link.signal_strength) + NB + "dBm" : link.speed ? link.speed + NB + "Mbit/s" : link.is_up ? "up" : "";
  return row(name, make("small", joined(state, link.addresses?.[0], lost ? "errors and drops: " + lost : "")), sized(link.bytes_recv, size(link.bytes_recv)), sized(link.bytes_sent, size(link.bytes_sent)));
}
function placeRow(place) {
  const meter = make("div.meter", make("i")), about = joined(place.device, place.filesystem, place.total && size(place.total), place.read_only && "read-only");
  meter.firstChild.style.width = place.percent + "%";
  return row(place.mountpoint, make("small", about, make("small.is-warn", place.error ?? "")), sized(place.percent, known(place.percent, n => percent(n) + NB + "%"), place.percent == null ? "" : meter), sized(place.free, size(place.free)));
}
// Beside the interfaces stands a number, of connections
const TABLES = [
  { id: "processes", turns: 4, target: () => `/processes?sort=${at("by").value}&limit=12`, rows: found => found.processes.map(processRow) },
  { id: "interfaces", turns: 16, target: () => "/network/interfaces", rows: found => Object.entries(found.interfaces).filter(each => isNaN(each[1])).map(linkRow) },
  { id: "devices", turns: 16, target: () => "/storage/devices", rows: found => found.devices.map(placeRow) },
];
async function refresh(table) {
  const body = at(table.id).tBodies[0];
  if (!table.seen || table.next && (turn < table.next || matchMedia("(hover: hover)").matches && body.matches(":hover"))) return;
  table.next = turn + table.turns;
  try {
    const answer = await ask(table.target(), 12), found = await answer.json();
    if (!answer.ok) return;
    const rows = table.rows(found), failed = found.errors?.[table.id];
    body.replaceChildren(...rows.length ? rows : [make("tr", make("td.soft", failed || "None."))]);
    arrange(at(table.id));
  } catch {
    // Once more with the next figures
    table.next = 0;
  }
}
// The daemon sorts the processes, for the first of one order are not the first of another
function arrange(table) {
  const head = table.querySelector("[aria-sort]"), body = table.tBodies[0];
  if (table.id === "processes" || !head) return;
  const up = head.ariaSort === "ascending" ? 1 : -1, column = head.cellIndex;
  const by = (one, two) => column ? one.cells[column].dataset.value - two.cells[column].dataset.value : one.cells[0].textContent.localeCompare(two.cells[0].textContent);
  body.append(...[...body.rows].sort((one, two) => up * by(one, two)));
}
function order(head) {
  const table = head.closest("table"), down = head.ariaSort ? head.ariaSort === "ascending" : head.cellIndex > 0;
  for (const each of all("[aria-sort]", table)) each.removeAttribute("aria-sort");
  head.ariaSort = down ? "descending" : "ascending";
  arrange(table);
}
function orderProcesses(by) {
  at("by").value = by;
  for (const each of all("[data-sort]")) {
    each.parentNode.removeAttribute("aria-sort");
    if (each.dataset.sort === by) each.parentNode.ariaSort = /name|pid/.test(by) ? "ascending" : "descending";
  }
  const cite = at("by-link");
  cite.href = TABLES[0].target();
  put(cite.firstChild, "GET " + TABLES[0].target());
  TABLES[0].next = 0;
  refresh(TABLES[0]);
}

// The manual that answers

const LINES = 500;
// Short objects on one line
function pretty(value, margin = "") {
  const line = JSON.stringify(value), deeper = margin + "  ";
  if (value === null || typeof value !== "object" || line.length < 60 && !/[[{]/.test(line.slice(1))) return line.replace(/("(?:\\.|[^"\\])*"|[^",:]+)([,:])/g, "$1$2 ");
  const list = Array.isArray(value);
  const parts = Object.entries(value).map(([key, each]) => deeper + (list ? "" : JSON.stringify(key) + ": ") + pretty(each, deeper));
  return line[0] + "\n" + parts.join(",\n") + "\n" + margin + line.at(-1);
}
function show(box, text, type) {
  const json = /json/.test(type), lines = (json ? pretty(JSON.parse(text)) : text).split("\n"), shown = lines.slice(0, LINES).join("\n");
  const parts = json ? shown.split(/("(?:\\.|[^"\\])*":)/) : [shown];
  box.replaceChildren(...parts.map((part, i) => i % 2 ? make("b", part) : part));
  if (lines.length > LINES) box.append(`\n… and ${lines.length - LINES} more lines; the curl command prints them all.`);
  box.hidden = false;
  box.scrollTop = 0;
}
// The old way: navigator.clipboard does not exist on http://pi:8585, which is no secure context
function copy(event) {
  const self = event.currentTarget;
  getSelection().selectAllChildren(self.source);
  const copied = document.execCommand("copy");
  put(self, copied ? "Copied" : "Ctrl+C");
  tell(copied ? "Copied." : "Selected; press Ctrl and C.");
  setTimeout(() => put(self, "Copy"), 1600);
}
function copier(source, label) {
  const node = button("", "Copy", label, copy);
  node.source = source;
  return node;
}
function ticked(kind, value, ...inside) {
  const input = make("input");
  input.type = "checkbox";
  input.value = value;
  return make(kind, input, ...inside);
}
// A control beside the words that say what it accepts
function control(box) {
  const given = box.dataset, name = given.name, preset = given.preset, choices = given.choices, list = box.querySelector(".chips");
  if (list) {
    const set = make("fieldset.chips", make("legend.sr", name), ...all("b", list).map(each => ticked("label", each.textContent, make("span", each.textContent))));
    set.append(button("", "Clear (none means all)", null, () => fill(box.closest("article"), "")));
    list.replaceWith(set);
  } else if (/true|false/.test(preset)) {
    const other = preset === "true" ? "false" : "true";
    box.append(ticked("label.ck", other, `Add ${name}=${other}`));
  } else {
    const input = make(choices ? "select" : "input");
    for (const each of choices?.split(" ") ?? []) input.append(new Option(each));
    input.value = preset;
    input.ariaLabel = name;
    box.append(input);
  }
}
const boxes = article => all("[data-name]", article);
function target(article) {
  const given = new URLSearchParams();
  for (const box of boxes(article)) {
    const free = box.querySelector("input:not([type])"), value = free ? free.value : all(":checked", box).map(each => each.value).join();
    if (value && value !== box.dataset.preset) given.set(box.dataset.name, value);
  }
  const query = (given + "").replaceAll("%2C", ",");
  return article.id + (query && "?" + query);
}
function fill(article, query) {
  const given = new URLSearchParams(query);
  for (const box of boxes(article)) {
    const value = given.get(box.dataset.name) ?? box.dataset.preset;
    for (const each of all("input, select", box)) {
      if (each.type === "checkbox") each.checked = value.split(",").includes(each.value);
      else each.value = value;
    }
  }
  spell(article);
}
const breaking = (node, text) => node.replaceChildren(...text.split(/(?<=[?&,/])(?!\/)/).flatMap(part => [part, make("wbr")]));
function spell(article) {
  const url = location.origin + target(article), quoted = /[^\w:/.,=%-]/.test(url) ? `'${url}'` : url;
  const [plain, curl] = all(".ln code", article);
  breaking(plain, url);
  breaking(curl, `curl ${at("token").value ? '-H "Authorization: Bearer $PISTAT_API_TOKEN" ' : ""}${quoted}`);
}
async function send(article) {
  const meta = article.querySelector(".goes span"), began = performance.now();
  put(meta, "Sending…");
  let answer, text;
  try {
    answer = await ask(target(article), 30);
    text = await answer.text();
  } catch {
    put(meta, host + " does not answer.");
    return;
  }
  const rest = answer.headers.get("RateLimit-Remaining");
  meta.replaceChildren(make(answer.ok ? "b" : "b.e", `${answer.status} ${answer.statusText}`),
    ` in ${whole(performance.now() - began)} ms, ${size(new Blob([text]).size)}${rest ? ", " + rest + " requests left" : ""}`);
  show(article.querySelector(".out"), text, answer.headers.get("Content-Type"));
}
function equip(article) {
  const path = article.id, meta = make("span", "Asks this machine, now."), out = make("pre.out");
  const line = name => {
    const code = make("code");
    return make("div.ln", code, copier(code, `Copy the ${name} of ${path}`));
  };
  meta.role = "status";
  Object.assign(out, { tabIndex: 0, role: "region", ariaLabel: "Answer of " + path, hidden: true });
  article.querySelector(".req").prepend(line("URL"), line("curl command"), make("div.goes", button(".go", "Send", "Send " + path, () => send(article)), meta), out);
  boxes(article).forEach(control);
  article.oninput = () => spell(article);
  spell(article);
}

// The fields of the manual: path, the term that stands above it, and what is said of it
const manual = [];
let above = null, source = "";
for (const term of all("#fields dt")) {
  const name = term.textContent, own = name[0] === ".", parts = [term];
  while (parts.at(-1).nextElementSibling?.tagName === "DD") parts.push(parts.at(-1).nextElementSibling);
  source = parts[3]?.textContent ?? source;
  if (parts.length > 1) manual.push({ path: own ? above.firstChild.data.trim() + name : name, above: own && above, source: own ? source : "", parts: parts });
  else above = term;
}
function search(event) {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const term of all("#fields .g")) term.hidden = words.length > 0;
  for (const field of manual) {
    const text = [field.path, field.source, ...field.parts.map(part => part.textContent)].join(" ").toLowerCase(), hit = words.every(word => text.includes(word));
    for (const part of field.parts) part.hidden = !hit;
    if (hit && field.above) field.above.hidden = false;
    count += hit;
  }
  put(at("found"), words.length ? `${count} ${count === 1 ? "field" : "fields"}` : "");
}

// At the beginning

for (const each of all(".js")) each.hidden = false;
for (const each of all(".tile")) each.append(make("p.f", make("span"), make("span")));
for (const each of all("[data-graph]")) {
  const svg = graph(44);
  svg.id = "g-" + each.dataset.graph;
  each.replaceWith(svg);
}
at("token").value = kept("token") ?? "";
all(".rt").forEach(equip);
for (const each of all(".exs pre")) each.previousElementSibling.append(copier(each, "Copy the example"));
for (const each of all("[data-fill]")) each.onclick = event => {
  event.preventDefault();
  fill(at(each.pathname), each.search);
  at(each.pathname).scrollIntoView();
};
for (const each of all(".live-t button")) each.onclick = () => each.dataset.sort ? orderProcesses(each.dataset.sort) : order(each.parentNode);
at("by").onchange = event => orderProcesses(event.target.value);
at("pause").onclick = pause;
at("find").oninput = search;
at("token").oninput = () => {
  kept("token", at("token").value);
  all(".rt").forEach(spell);
};
at("token").onchange = () => { if (kind === "locked") tick(); };
document.onvisibilitychange = later;
setInterval(() => { if (note && !paused) put(at("live-text"), note()); }, 1e3);

const tables = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const table = TABLES.find(each => each.id === entry.target.id);
    table.seen = entry.isIntersecting;
    if (turn) refresh(table);
  }
});
TABLES.forEach(each => { each.next = 0; tables.observe(at(each.id)); });

// The bar marks the part of the page that is below it
const links = all("nav a"), bar = new IntersectionObserver(entries => {
  for (const entry of entries) links.find(each => each.hash.slice(1) === entry.target.id).ariaCurrent = entry.isIntersecting;
}, { rootMargin: "-20% 0% -80%" });
links.forEach(each => bar.observe(at(each.hash.slice(1))));

headline("Asking this machine how it is.", "");
tick();
