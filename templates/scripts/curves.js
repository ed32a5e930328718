// The curves: what the daemon remembers, and behind it what this page has seen since.
//
// A sample is [time, mean, least, most]; its values are null where there was no reading.

const RANGES = {
  "5 min": { seconds: 300, api: "1h", half: "2½ min" },
  "1 h": { seconds: 3600, api: "1h", half: "30 min" },
  "24 h": { seconds: 86400, api: "24h", half: "12 h" },
  "14 d": { seconds: 1209600, api: "14d", half: "7 d" },
};
const DRAWN =
  "cpu_temp,cpu_usage,memory.percent,disk_io.read_rate,disk_io.write_rate,network.recv_rate,network.sent_rate";
const FLAGS = "power.under_voltage,power.throttled,power.freq_capped";
const REACH = { "1h": 3600, "24h": 86400, "14d": 1209600 };
const remembered = {};
const seen = {};
let range = kept("localStorage", "range") || "1 h";
let last = 0;
let seenAt = 0;

const chosen = () => RANGES[range] ?? RANGES["1 h"];
const HISTORY = source(
  "history",
  10,
  found => {
    if (!remember(chosen().api, found)) HISTORY.next = 0;
    if (!kept("localStorage", "range") && young()) choose5();
    paintGraphs();
  },
  {
    key: () => "history " + chosen().api,
    target: () => history(chosen().api, DRAWN, chosen().api),
    kept: () => remembered[chosen().api],
  },
);
// The power strip is always of a day
const STRIP = source(
  "strip",
  50,
  found => {
    if (!remember("strip", found)) STRIP.next = 0;
    paintPower();
  },
  { target: () => history("24h", FLAGS, "strip"), wanted: () => told(now.power), kept: () => remembered.strip },
);

function history(reach, metrics, name) {
  const curve = remembered[name];
  const since = curve ? "&since=" + Math.floor(curve.start + curve.points * curve.step) : "";
  return `/history?range=${reach}&metrics=${metrics}${since}`;
}
// A daemon that has just begun has little to fill an hour with
function young() {
  const means = remembered["1h"]?.series.cpu_usage?.mean ?? [];
  return range === "1 h" && means.slice(0, -30).every(value => value == null);
}
function choose5() {
  range = "5 min";
  paintRange();
}

// Behind what is there; in its place, if it does not fit behind it, as after a step of the clock. False if it is
// a part without what goes before, as another tab may have been given
function remember(name, found) {
  const reach = REACH[found.range];
  const whole = found.points * found.step > reach - 3 * found.step;
  const old = remembered[name];
  const place = old && (found.start - old.start) / found.step;
  const fits =
    old &&
    old.step === found.step &&
    Math.abs(place - Math.round(place)) < 0.05 &&
    place >= 0 &&
    place <= old.points + 0.1;
  if (whole || !fits) {
    if (whole) remembered[name] = found;
    else delete remembered[name];
    return whole;
  }
  const kept = Math.round(place);
  const drop = Math.max(0, kept + found.points - Math.floor(reach / found.step));
  for (const metric in old.series)
    for (const kind of ["mean", "min", "max"]) {
      const points = old.series[metric][kind];
      if (points) old.series[metric][kind] = points.slice(drop, kept).concat(found.series[metric][kind]);
    }
  old.boots = [...new Set([...old.boots, ...found.boots])];
  old.start += drop * old.step;
  old.points = kept + found.points - drop;
  return true;
}
function record(name, time, value) {
  const samples = (seen[name] ??= []);
  samples.push([time, value, value, value]);
  while (samples[0][0] < time - 3600) samples.shift();
}
// Since when, and in samples of how many seconds, `name` is drawn
function samples(name, curve, from) {
  const found = [];
  const points = curve?.series[name];
  const end = points ? curve.start + curve.points * curve.step : 0;
  if (points) {
    const { mean, min = mean, max = mean } = points;
    for (let i = Math.max(0, Math.ceil((from - curve.start) / curve.step)); i < mean.length; i++)
      found.push([curve.start + (i + 0.5) * curve.step, mean[i], min[i], max[i]]);
  }
  for (const sample of seen[name] ?? []) if (sample[0] >= end && sample[0] >= from) found.push(sample);
  return found;
}
// Where samples are further apart there is a gap between them
const apart = curve => Math.max(40, EVERY / 400, 2.5 * (curve?.step ?? 0));
// Another time of the machine than that of before: what was seen has no place in it
function forget() {
  for (const name in seen) delete seen[name];
  for (const name in remembered) delete remembered[name];
  HISTORY.next = STRIP.next = 0;
}
function chooseRange(name) {
  range = name;
  kept("localStorage", "range", name);
  paintRange();
  paintGraphs();
  if (!remembered[chosen().api]) {
    HISTORY.next = 0;
    hurry(HISTORY);
  }
}
function paintRange() {
  for (const each of at("range").children) each.ariaPressed = each.textContent === range;
  for (const each of GRAPHS) each.paintSpan();
}
