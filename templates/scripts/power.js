// The power tile: how it is now, and when within the last day the supply was too weak or the CPU slowed

const STATES = { under_voltage: "Too weak", throttled: "Slowed", freq_capped: "Capped", soft_temp_limit: "Slowed a little" };
const DAY = 86400;
let strip = null;

const told = power => power?.throttled != null || power?.under_voltage != null;
const wrong = power => Object.keys(STATES).find(flag => power?.[flag]);
function paintPower() {
  if (early(SENSORS)) return;
  const power = now.power, chip = sensed.pmic ?? {};
  // A PC has no power to speak of
  at("power").hidden = !told(power) && chip.watts == null && !/^Raspberry/.test(now.hardware.model);
  if (at("power").hidden) return;
  const flag = wrong(power);
  const volts = known(power.core_voltage, n => `${n.toFixed(2)}${NB}V core`).replace(NONE, "");
  const fed = joined(chip.input_voltage && `${chip.input_voltage.toFixed(2)}${NB}V in`, power.supply_current && `${power.supply_current}${NB}A supply`);
  if (!flag && chip.watts != null) figure("power", chip.watts.toFixed(1) + NB + "W", joined("board", fed));
  else figure("power", flag ? STATES[flag] : told(power) ? "Steady" : NONE, fed || volts);
  paintStrip();
}
function paintStrip() {
  const power = now.power, curve = remembered.strip;
  at("g-power").hidden = !told(power);
  if (!told(power)) return notes("power", MISSING);
  if (!curve) return notes("power", since(power));
  const from = last - DAY, flag = name => curve.series["power." + name]?.mean ?? [];
  const weak = flag("under_voltage"), slow = flag("throttled"), capped = flag("freq_capped");
  const when = i => curve.start + i * curve.step, length = Math.max(weak.length, slow.length);
  Object.assign(strip, { from, span: DAY, curve, weak, slow, capped });
  const x = time => Math.max(0, (time - from) / DAY * WIDE);
  const column = i => `M${x(when(i)).toFixed(1)} 0h${Math.max(1.6, x(when(i + 1)) - x(when(i))).toFixed(1)}V16h-${Math.max(1.6, x(when(i + 1)) - x(when(i))).toFixed(1)}Z`;
  let bad = "", warn = "", blank = "", known = 0, gone = 0;
  for (let i = 0; i <= length; i++) {
    if (weak[i] > 0 || slow[i] > 0) bad += column(i);
    else if (capped[i] > 0) warn += column(i);
    const missing = i < length && weak[i] == null && slow[i] == null;
    known += i < length && !missing;
    if (!missing && gone) blank += `M${x(when(i - gone)).toFixed(1)} 8H${x(when(i)).toFixed(1)}`;
    gone = missing ? gone + 1 : 0;
  }
  const set = (part, d) => strip.paths[part].setAttribute("d", d);
  set("covered", covered(weak, slow, x, when));
  set("gap", blank);
  set("bad", bad);
  set("warn", warn);
  set("start", starts(curve.boots, from, DAY, 16));
  strip.point();
  notes("power", summary(weak, slow, known, curve.step), power.under_voltage == null ? "under-voltage not detectable here" : "");
}
function covered(weak, slow, x, when) {
  let path = "", begun = null;
  for (let i = 0; i <= Math.max(weak.length, slow.length); i++) {
    const there = weak[i] != null || slow[i] != null;
    if (there && begun == null) begun = i;
    if (!there && begun != null) {
      path += `M${x(when(begun)).toFixed(1)} 0H${x(when(i)).toFixed(1)}V16H${x(when(begun)).toFixed(1)}Z`;
      begun = null;
    }
  }
  return path;
}
// How often, and for how long in all
function summary(weak, slow, known, step) {
  const spans = flags => flags.filter((value, i) => value > 0 && !(flags[i - 1] > 0)).length;
  const length = flags => lasting(Math.max(60, flags.reduce((total, value) => total + (value ?? 0) * step, 0)));
  const parts = [["too weak", weak], ["slowed", slow]].filter(([, flags]) => spans(flags)).map(([word, flags]) => `${word} ${times(spans(flags))}, ${length(flags)} in all`);
  if (parts.length) return parts.join("; ");
  return known * step > .9 * DAY ? "none" : known ? `none in the ${lasting(known * step)} seen` : since(now.power);
}
const since = power => power.under_voltage_since_boot ? "too weak at least once since it started" : power.throttled_since_boot || power.freq_capped_since_boot ? "slowed at least once since it started" : power.throttled_since_boot === false ? "none since it started" : "";

function equipPower() {
  const box = at("g-power"), paths = {};
  for (const part of ["covered", "gap", "warn", "bad", "start", "cursor"]) paths[part] = drawn("path", { class: part });
  const svg = drawn("svg", { class: "sp strip", viewBox: `0 0 ${WIDE} 16`, preserveAspectRatio: "none", "aria-hidden": "true" }, ...Object.values(paths));
  const said = make("span.said");
  box.append(make("p.title", make("span", "under-voltage and throttling, 24 h"), said), svg, make("p.span", make("span", "24 h ago"), make("span", "12 h"), make("span", "now")));
  strip = { box, svg, paths, said, top: box.querySelector(".title span"), height: 16, from: 0, span: DAY, label: "Under-voltage and throttling in the last 24 hours", step: () => 600, say: stripSay };
  readable(strip);
}
// What was within the stretch of the strip that one place of it stands for
function stripSay(time) {
  const { curve, weak, slow, capped } = strip, i = Math.floor((time - curve?.start) / curve?.step), near = flags => flags.slice(Math.max(0, i - 2), i + 3);
  if (!curve || [...near(weak), ...near(slow)].every(value => value == null)) return clock(time, DAY) + ": not recorded";
  const said = [[weak, "supply too weak"], [slow, "CPU slowed"], [capped, "CPU capped"]].filter(([flags]) => near(flags).some(value => value > 0)).map(each => each[1]);
  return `${clock(time, DAY)}: ${said.join(", ") || "all well"}`;
}
