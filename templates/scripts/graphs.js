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
