// Tables: asked for only while they are on the screen, and kept still under a pointer

const SHOWN = 12;
const noted = (node, ...rows) => make("div", node, ...rows);

// `fill` returns the rows of an answer; `also` does what else there is to do with it
function table(id, turns, target, fill, rest) {
  const made = source(
    id,
    turns,
    found => {
      made.also?.(found);
      if (made.ordered || !made.held()) made.paint();
      made.ordered = false;
    },
    { target: () => target, wanted: () => made.visible, seconds: 12, visible: false, ...rest },
  );
  made.held = () => matchMedia("(hover: hover)").matches && at(id).matches(":hover");
  made.paint = () => {
    const rows = fill(made.found);
    const failed = made.found.errors?.[made.key_ ?? id];
    at(id).tBodies[0].replaceChildren(
      ...(rows.length ? rows : [make("tr", make("td.soft", failed || made.none || "None."))]),
    );
    arrange(at(id));
  };
  return made;
}
function row(name, small, ...cells) {
  const head = make("th", name, small);
  head.scope = "row";
  return make("tr", head, ...cells);
}
// A cell to sort by, and what stands small below its value
function sized(value, shown, small = "") {
  const node = make("td.n", shown, small && make("small", small));
  node.dataset.value = value ?? -1;
  return node;
}

// Processes: sorted by the daemon, for the first of one order are not the first of another

const order = () => at("by").value;
const sought = () => at("find").value.trim().toLowerCase();
const PROCESSES = table(
  "processes",
  10 / 3,
  "",
  found => {
    const words = sought();
    const rows = found.processes.filter(
      each => !words || joined(each.pid, each.name, each.user).toLowerCase().includes(words),
    );
    return rows.slice(0, SHOWN).map(processRow);
  },
  {
    key: () => `processes ${order()} ${sought() ? 500 : SHOWN}`,
    target: () => `/processes?sort=${order()}&limit=${sought() ? 500 : SHOWN}`,
  },
);
function processRow(process) {
  const shares = [process.cpu_percent, process.memory_percent].map(share =>
    make(
      "td.n",
      known(share, n => n.toFixed(1) + NB + "%"),
    ),
  );
  const made = row(
    process.name,
    make("small.only", joined(process.pid, process.user)),
    make("td.pc.soft", process.user ?? NONE),
    ...shares,
    make("td.n.soft", known(process.running_time, lasting)),
  );
  made.prepend(make("td.pc.soft", process.pid));
  return made;
}
function orderProcesses(by) {
  at("by").value = by;
  for (const each of all("[data-sort]")) {
    each.parentNode.removeAttribute("aria-sort");
    if (each.dataset.sort === by) each.parentNode.ariaSort = /name|pid/.test(by) ? "ascending" : "descending";
  }
  const cite = at("by-link");
  cite.href = PROCESSES.target();
  put(cite.firstChild, "GET " + PROCESSES.target());
  at("processes").tBodies[0].classList.add("old");
  // Its rows are to move now, once, though the pointer is on them
  PROCESSES.ordered = true;
  hurry(PROCESSES);
}
function seekProcesses() {
  if (PROCESSES.found) PROCESSES.paint();
  clearTimeout(PROCESSES.timer);
  // Not with each letter
  PROCESSES.timer = setTimeout(hurry, 400, PROCESSES);
}

// Network

const LINKS = table(
  "links",
  10,
  "/network/interfaces",
  found =>
    Object.entries(found.interfaces)
      .filter(each => isNaN(each[1]))
      .map(linkRow),
  {
    wanted: () => true,
    key_: "interfaces",
    also: found => {
      links = found.interfaces;
      if (last) paintNetwork();
      put(
        at("connections"),
        known(links.active_connections, n => `${counted(n, "connection")} established. `),
      );
    },
  },
);
function linkRow([name, link]) {
  const live = now.network?.[name] ?? link;
  const lost = link.errin + link.errout + link.dropin + link.dropout;
  const about = joined(
    link.kind,
    pace(link, live),
    link.addresses?.[0]?.split("/")[0],
    link.master && "of " + link.master,
    lost && `errors and drops: ${grouped(lost)}`,
  );
  const cells = [
    ["recv_rate", link.bytes_recv],
    ["sent_rate", link.bytes_sent],
  ].map(([way, total]) => sized(live[way] ?? 0, speed(live[way]), size(total)));
  return row(name, make("small", about), make("td.pc", spark("in " + name)), ...cells);
}
// What came in during the last five minutes, on a scale of its own
function spark(name) {
  const from = last - 300;
  const found = samples(name, null, from);
  const top = ceiling(1e3, [found]);
  const parts = stretches(found, from, 300, apart());
  const lines = parts.map(
    stretch => "M" + stretch.map(each => `${each.x.toFixed(1)} ${(22 - (each.mean / top) * 20).toFixed(1)}`).join("L"),
  );
  return drawn(
    "svg",
    { class: "sp spark", viewBox: `0 0 ${WIDE} 24`, preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn("path", { class: "base", d: `M0 23.5H${WIDE}` }),
    drawn("path", { class: "gap", d: dotted(parts, 23.5) }),
    drawn("path", { class: "line", d: lines.join("") }),
  );
}

// Storage

const PLACE_FULL = 90;
table("storage", 10, "/storage/devices", found => found.devices.map(placeRow), {
  key_: "devices",
  also: found => {
    const rows = Object.entries(found.disks ?? {}).map(diskRow);
    at("disks").hidden = !rows.length;
    at("disks").tBodies[0].replaceChildren(...rows);
  },
});
function placeRow(place) {
  const about = joined(
    place.device,
    place.filesystem,
    place.total && size(place.total),
    place.read_only && "read-only",
  );
  const full = place.percent >= PLACE_FULL;
  const cell = sized(
    place.percent,
    known(place.percent, n => percent(n) + NB + "%"),
  );
  if (full) cell.classList.add("is-warn");
  if (place.percent != null) cell.append(bar(place.percent, full ? "meter full" : "meter"));
  return row(
    place.mountpoint,
    make("small", about, make("small.is-warn", place.error ?? "")),
    cell,
    sized(place.free, size(place.free)),
  );
}
function diskRow([name, disk]) {
  const about = joined(
    disk.type,
    disk.maker,
    disk.model,
    disk.size && size(disk.size),
    disk.made && "made " + disk.made,
  );
  const worn = Math.max(disk.life_used_a ?? -1, disk.life_used_b ?? -1);
  const bad = joined(
    disk.read_only && "read-only",
    disk.spare_blocks && disk.spare_blocks !== "normal" && "spare blocks: " + disk.spare_blocks,
    disk.errors && counted(disk.errors, "error"),
    disk.too_hot && "too hot",
  );
  const life = sized(
    worn,
    worn < 0 ? NONE : worn + NB + "%",
    disk.written_total && size(disk.written_total) + " written",
  );
  if (worn >= PLACE_FULL) life.classList.add("is-warn");
  return row(name, make("small", about, make("small.is-warn", bad)), make("td.n", warmth(disk.temperature)), life);
}

// Sorting in the page, of the short tables

function arrange(body) {
  const head = body.querySelector("[aria-sort]");
  const rows = body.tBodies[0];
  rows.classList.remove("old");
  if (body.id === "processes" || !head || rows.rows.length < 2) return;
  const up = head.ariaSort === "ascending" ? 1 : -1;
  const column = head.dataset.column;
  const by = (one, other) =>
    column > 0
      ? one.cells[column].dataset.value - other.cells[column].dataset.value
      : one.cells[0].textContent.localeCompare(other.cells[0].textContent);
  rows.append(...[...rows.rows].sort((one, other) => up * by(one, other)));
}
function sortBy(head) {
  const body = head.closest("table");
  const down = head.ariaSort ? head.ariaSort === "ascending" : head.dataset.column > 0;
  for (const each of all("[aria-sort]", body)) each.removeAttribute("aria-sort");
  head.ariaSort = down ? "descending" : "ascending";
  arrange(body);
}
