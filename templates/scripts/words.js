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
