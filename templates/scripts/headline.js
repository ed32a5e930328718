// The headline is the diagnosis's, and so are the rows below it

const LEVELS = { critical: "bad", warning: "warn", info: "" };
// Where it is shown what a finding is about, by the first word of its name
const PLACES = {
  power: ["power", "Power"],
  heat: ["heat", "Temperature"],
  cpu: ["cpu", "CPU"],
  memory: ["memory", "Memory"],
  disk: ["at-storage", "Storage"],
  network: ["at-links", "Network"],
  time: ["facts", "Clocks"],
  boot: ["facts", "Clocks"],
  system: ["facts", "Software"],
  services: ["at-units", "Services"],
};
let judged = null;
let past = [];
let state = "";
let spoken = "";

const DIAGNOSIS = source(
  "diagnosis",
  2.5,
  found => {
    const ids = names(found);
    // What began or ended lately stands in the events, which are asked for when something did
    if (judged && ids !== names(judged)) EVENTS.next = 0;
    judged = found;
    paintFindings();
  },
  { target: () => "/diagnosis" },
);
const EVENTS = source(
  "events",
  100,
  found => {
    past = found.events;
    paintFindings();
  },
  { target: () => "/events?since=" + Math.max(0, Math.floor((last || Date.now() / 1e3) - 86400)) },
);

const names = found => found.findings.map(each => each.id + " " + each.subject).join();

function headline(mark, text, beside = "", missing = false) {
  at("say").className = mark;
  put(at("say"), text);
  put(at("sub"), beside);
  at("missing").hidden = !missing;
}
function paintFindings() {
  if (!judged || state !== "live") return;
  const problems = judged.findings.filter(each => LEVELS[each.severity]);
  const worst = LEVELS[judged.status] ?? "";
  const notes = judged.findings.length - problems.length;
  let text = hardly() ? "Most checks could not be made" : "All is well";
  if (problems.length) text = counted(problems.length, "problem") + (notes ? ", " + counted(notes, "note") : "");
  else if (!judged.checked.length) text = "Nothing could be checked";
  headline(worst, text, problems.length ? "" : quiet(), !problems.length && hardly());
  if (spoken && spoken !== text) tell(`${host}: ${text}. ${problems[0]?.title ?? ""}`);
  spoken = text;
  document.title = (worst ? "! " : "") + (now.cpu_temp == null ? "" : warmth(now.cpu_temp) + " · ") + host;
  renew(at("findings"), ...judged.findings.map(findingRow), ...skewRow(), ...ended().map(pastRow));
  moods(problems);
}
const counted = (n, one, many = one + "s") => `${n} ${n === 1 ? one : many}`;
// More could not be checked than could, so nobody knows whether all is well
const hardly = () => judged.unknown.length > judged.checked.length;
// A time as its day, an age as it is said, other numbers with two decimals at most
const reading = (path, value) => {
  if (path.endsWith("_error") && value) return day(value);
  if (path.endsWith("_age") && value != null) return lasting(value);
  return typeof value === "number" ? +value.toFixed(2) : value;
};
// What is to be said when there is nothing to be said
function quiet() {
  const power = now.power ?? {};
  const span = `in the ${lasting(now.uptime)} since it started.`;
  const steady = power.throttled_since_boot === false;
  // What has only begun is no finding yet
  if (wrong(power)) return "Something has just begun (see Power); if it lasts, it is listed here.";
  if (hardly()) {
    const [unknown, checked] = [judged.unknown.length, judged.checked.length];
    return `${unknown} of ${unknown + checked}${checked ? `; the other ${checked} found nothing wrong` : ""}.`;
  }
  if (steady && power.under_voltage_since_boot === false) return `Never slowed and never short of power ${span}`;
  const open = judged.unknown.length ? ` ${counted(judged.unknown.length, "thing")} could not be checked.` : "";
  return steady ? `Never slowed ${span}` : `${counted(judged.checked.length, "check")} found nothing.${open}`;
}
function findingRow(finding) {
  const same = past.filter(each => each.id === finding.id && each.subject === finding.subject);
  const begun = same.filter(begins).length;
  const evidence = Object.entries(finding.evidence).map(([path, value]) => `${path} ${reading(path, value)}`);
  const about = joined(
    `seen for ${lasting(judged.timestamp - finding.since)}`,
    begun > 1 && times(begun) + " in 24 h",
    ...evidence,
  );
  const [place, word] = PLACES[finding.id === "system.units_failed" ? "services" : finding.id.split(".")[0]];
  const row = make(
    "li",
    make("b", finding.title + "."),
    " ",
    ...coded(finding.text),
    " ",
    ...coded(finding.advice),
    " ",
    link(word + NB + "↓", "#" + place),
    " ",
    link("More about this" + NB + "↗", finding.source),
    make("small", about),
  );
  level(row, LEVELS[finding.severity]);
  return row;
}
// Not what only became more severe
function begins(event, i, same) {
  const before = same[i - 1];
  return event.state === "begin" && !(before?.state === "begin" && before.severity !== event.severity);
}
// The page knows two clocks
function skewRow() {
  const skew = last - seenAt / 1e3;
  if (!last || Math.abs(skew) < 60) return [];
  const words = `Its clock is ${lasting(Math.abs(skew))} ${skew < 0 ? "behind" : "ahead of"} that of this device.`;
  return [make("li.past", make("b", words), " Times on this page are by its clock.")];
}
// What is over, the last first; what still holds stands above
function ended() {
  const lasts = new Set(judged.findings.map(each => each.id + each.subject));
  const since = judged.timestamp - 86400;
  return past
    .filter(
      each =>
        each.time + (each.duration ?? 0) > since &&
        (each.id === "boot"
          ? each.value === 1
          : each.state === "end" && LEVELS[each.severity] && !lasts.has(each.id + each.subject)),
    )
    .reverse()
    .slice(0, 4);
}
function pastRow(over) {
  const ago = lasting(Math.max(0, judged.timestamp - over.time - (over.duration ?? 0))) + " ago";
  return make(
    "li.past",
    over.duration ? `Over since ${ago}, after ${lasting(over.duration)}: ${over.title}.` : `${ago}: ${over.title}.`,
  );
}
// The tiles have the severity of what was found, and no other
function moods(problems) {
  for (const id of ["heat", "cpu", "memory", "disk", "network", "power"]) {
    const mine = problems.filter(each => each.id.split(".")[0] === id && (id !== "disk" || each.subject === "/"));
    level(at(id), mine.some(each => each.severity === "critical") ? "bad" : mine.length ? "warn" : "");
  }
}
