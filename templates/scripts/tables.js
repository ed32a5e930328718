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
