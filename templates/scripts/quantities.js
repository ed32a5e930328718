// Quantities in words. The first readings are written alike by pistat/formats/quantities.py

const known = (value, write) => (value == null ? NONE : write(value));
const three = n => n.toFixed(n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2);
const percent = n => known(n, () => n.toFixed(n > 0 && n < 9.95 ? 1 : 0));
const whole = n => Math.round(n) + "";
const grouped = n => whole(n).replace(/\B(?=(\d{3})+$)/g, ",");
const size = n => known(n, () => scaled(n, 1000, ["B", "kB", "MB", "GB", "TB"]));
const memory = n => known(n, () => scaled(n, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]));
const hertz = n => known(n, () => (n ? scaled(n, 1000, ["Hz", "kHz", "MHz", "GHz"]) : "asleep"));
const rate = n =>
  n == null
    ? [NONE, ""]
    : n < 999.5
      ? [whole(n), "B/s"]
      : n < 999500
        ? [(n / 1e3).toFixed(n < 9950 ? 1 : 0), "kB/s"]
        : [three(n / 1e6), "MB/s"];
const speed = n => rate(n).join(NB).trim();
const minus = n => (n + "").replace("-", "−");
const joined = (...parts) => parts.filter(Boolean).join(" · ");
const times = n => (n === 1 ? "once" : n === 2 ? "twice" : n + " times");

function scaled(n, step, units) {
  let i = 0;
  for (; n >= step * 0.9995 && i < units.length - 1; i++) n /= step;
  return (i ? three(n).replace(/\.0+$/, "") : whole(n)) + NB + units[i];
}
function lasting(seconds) {
  const days = (seconds / 86400) | 0;
  const hours = ((seconds % 86400) / 3600) | 0;
  const minutes = ((seconds % 3600) / 60) | 0;
  if (days) return `${days}${NB}d ${hours}${NB}h`;
  if (hours) return `${hours}${NB}h ${minutes}${NB}min`;
  return minutes ? `${minutes}${NB}min` : `${seconds | 0}${NB}s`;
}

// Temperatures come in °C, and are shown in what this device prefers
let fahrenheit = kept("localStorage", "degrees") === "F";
const degrees = n => (fahrenheit ? n * 1.8 + 32 : n);
const degree = () => (fahrenheit ? "°F" : "°C");
const warmth = (n, digits = 0) => known(n, () => degrees(n).toFixed(digits) + NB + degree());

// Times by the clock of who looks; the span decides how much of them is needed
const two = n => (n + "").padStart(2, "0");
const clock = (seconds, span = 0) => {
  const date = new Date(seconds * 1e3);
  const time = two(date.getHours()) + ":" + two(date.getMinutes());
  if (span > 86400) return `${date.getDate()}${NB}${date.toLocaleString("en", { month: "short" })}, ${time}`;
  return span > 3600 ? time : time + ":" + two(date.getSeconds());
};
const day = seconds => new Date(seconds * 1e3).toISOString().slice(0, 10);
