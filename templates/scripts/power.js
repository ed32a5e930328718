// The power tile: how it is now, and when within the last day the supply was too weak or the CPU slowed

const STATES = {
  under_voltage: "Too weak",
  throttled: "Slowed",
  freq_capped: "Capped",
  soft_temp_limit: "Slowed a little",
};
const DAY = 86400;
let strip = null;

const told = power => power?.throttled != null || power?.under_voltage != null;
const steady = power =>
  power.under_voltage_since_boot || power.throttled_since_boot ? "Steady now" : "Steady";
const stateText = (power, flag) =>
  STATES[flag] + (flag === "throttled" && power.under_voltage === false ? " by heat" : "");
const wrong = power => Object.keys(STATES).find(flag => power?.[flag]);
function paintPower() {
  if (early(SENSORS)) return;
  const power = now.power;
  const chip = sensed.pmic ?? {};
  // A PC has no power to speak of
  at("power").hidden = !told(power) && chip.watts == null && !/^Raspberry/.test(now.hardware.model);
  if (at("power").hidden) return;
  const flag = wrong(power);
  const volts = known(power.core_voltage, n => `${n.toFixed(2)}${NB}V core`).replace(NONE, "");
  const fed = joined(
    chip.input_voltage && `${chip.input_voltage.toFixed(2)}${NB}V in`,
    power.supply_current && `${power.supply_current}${NB}A supply`,
  );
  if (!flag && chip.watts != null) figure("power", chip.watts.toFixed(1) + NB + "W", joined("board", fed));
  else if (!flag && told(power) && power.under_voltage == null) figure("power", "Not checked", "on this model");
  else figure("power", flag ? stateText(power, flag) : told(power) ? steady(power) : NONE, fed || (flag ? "" : volts));
  paintStrip();
}
function paintStrip() {
  const power = now.power;
  const curve = remembered.strip;
  at("g-power").hidden = !told(power);
  if (!told(power)) return notes("power", MISSING);
  if (!curve) {
    put(strip.empty, early(STRIP) ? "" : EMPTY);
    return notes("power", since(power));
  }
  const [weak, slow, capped] = ["under_voltage", "throttled", "freq_capped"].map(
    flag => curve.series["power." + flag]?.mean ?? [],
  );
  const seen = i => weak[i] != null || slow[i] != null;
  Object.assign(strip, { from: last - DAY, curve, weak, slow, capped });
  const mark = (part, test, write) => strip.paths[part].setAttribute("d", spans(curve, test).map(write).join(""));
  mark("covered", seen, stretch => box(stretch));
  const any = spans(curve, seen).length;
  put(strip.empty, any ? "" : EMPTY);
  const both = power.under_voltage != null && power.throttled != null;
  put(
    strip.title,
    (both ? "under-voltage and throttling" : power.throttled != null ? "throttling" : "under-voltage") + ", 24 h",
  );
  mark(
    "gap",
    i => any && !seen(i),
    ([begun, end]) => `M${along(begun)} 8H${along(end)}`,
  );
  mark("bad", i => weak[i] > 0, stretch => box(stretch));
  mark(
    "warn",
    i => slow[i] > 0 || capped[i] > 0,
    stretch => box(stretch, 8),
  );
  strip.paths.start.setAttribute("d", starts(curve.boots, strip.from, DAY, 16));
  strip.point();
  paintKey(strip.key, [strip]);
  notes("power", summary(), power.under_voltage == null ? "under-voltage not detectable here" : "");
}
// The stretches of points for which something is so, as pairs of times
function spans(curve, test) {
  const found = [];
  let begun = null;
  for (let i = 0; i <= curve.points; i++) {
    const so = i < curve.points && test(i);
    if (so) begun ??= i;
    else if (begun != null) {
      found.push([begun, i].map(place => curve.start + place * curve.step));
      begun = null;
    }
  }
  return found;
}
const along = time => Math.max(0, ((time - strip.from) / DAY) * WIDE).toFixed(1);
// Wide enough to be seen
function box([begun, end], top = 0) {
  const width = Math.max(1.6, along(end) - along(begun)).toFixed(1);
  return `M${Math.min(along(begun), WIDE - width)} ${top}h${width}V16h-${width}Z`;
}
// How often, and for how long in all
function summary() {
  const { curve, weak, slow } = strip;
  const parts = [
    ["too weak", weak],
    ["slowed", slow],
  ].flatMap(([word, flags]) => {
    const count = spans(curve, i => flags[i] > 0).length;
    const length = flags.reduce((total, share) => total + (share ?? 0) * curve.step, 0);
    return count ? `${word} ${times(count)}, ${lasting(Math.max(60, length))} in all` : [];
  });
  const seen = spans(curve, i => weak[i] != null || slow[i] != null);
  const covered = seen.reduce((total, [begun, end]) => total + end - begun, 0);
  if (parts.length) return parts.join("; ");
  // What has only begun is not in the history yet
  const { under_voltage, throttled } = now.power;
  const none =
    (under_voltage == null ? "never slowed" : throttled == null ? "never too weak" : "none") +
    (wrong(now.power) ? " before this in" : " in");
  return covered > 0.9 * DAY ? none + " 24 h" : covered ? `${none} the ${lasting(covered)} seen` : since(now.power);
}
const since = power =>
  power.under_voltage_since_boot
    ? "too weak at least once since it started"
    : power.throttled_since_boot || power.freq_capped_since_boot
      ? "slowed at least once since it started"
      : power.throttled_since_boot === false
        ? (power.under_voltage == null ? "never slowed" : "none") + " since it started"
        : "";

function equipPower() {
  const box = at("g-power");
  const paths = {};
  for (const part of ["covered", "gap", "bad", "warn", "start", "cursor"]) paths[part] = drawn("path", { class: part });
  const svg = drawn(
    "svg",
    { class: "sp strip", viewBox: `0 0 ${WIDE} 16`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...Object.values(paths),
  );
  const said = make("span.said");
  const empty = make("span.nothing");
  const key = make("p.key");
  const title = make("span");
  box.append(
    make("p.title", title, said),
    make("div.plot", svg, empty),
    make("p.span", make("span", "24 h ago"), make("span", "12 h"), make("span", "now")),
    key,
  );
  strip = {
    box,
    svg,
    paths,
    said,
    empty,
    key,
    title,
    top: box.querySelector(".title span"),
    height: 16,
    from: 0,
    span: DAY,
    label: "Under-voltage and throttling in the last 24 hours",
    step: () => 600,
    say: stripSay,
  };
  readable(strip);
}
// What was within the stretch of the strip that one place of it stands for
function stripSay(time) {
  const { curve, weak, slow, capped } = strip;
  const i = Math.floor((time - curve?.start) / curve?.step);
  const near = flags => flags.slice(Math.max(0, i - 2), i + 3);
  if (!curve || [...near(weak), ...near(slow)].every(value => value == null))
    return clock(time, DAY) + ": not recorded";
  const said = [
    [weak, "supply too weak"],
    [slow, "CPU slowed"],
    [capped, "CPU capped"],
  ]
    .filter(([flags]) => near(flags).some(value => value > 0))
    .map(each => each[1]);
  return `${clock(time, DAY)}: ${said.join(", ") || "all well"}`;
}
