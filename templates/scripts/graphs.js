// Graphs. Where nothing was seen the line breaks and the baseline is dotted: no bridge, no zero. A start of
// the machine is a line from top to bottom

const WIDE = 300;
const HIGH = 64;
const GRAPHS = [];
const EMPTY = "No history yet";

// What the marks mean, each as it is drawn
const MARKS = {
  bad: ["too weak", "M0 0h14V12h-14Z"],
  warn: ["slowed", "M0 6h14V12h-14Z"],
  start: ["started", "M7 0V12"],
  gap: ["not recorded", "M0 6h14"],
};

// What a graph is made of: area, range from least to most, baseline, gaps, mark, starts, lines, cursor, end
const PARTS = ["area", "spread", "base", "gap", "mark", "start", "second", "line", "cursor", "dot"];

// `of` says what is drawn: names of the curves with a word for each, scale, mark, and how a value is written
function graph(box, of) {
  const paths = {};
  for (const part of PARTS) paths[part] = drawn("path", { class: part });
  const svg = drawn(
    "svg",
    { class: "sp", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...Object.values(paths),
  );
  const top = make("span.top");
  const said = make("span.said");
  const empty = make("span.nothing");
  const span = make("p.span", make("span"), make("span"), make("span"));
  box.append(make("div.plot", svg, empty, top, said), span);
  const made = { ...of, box, svg, paths, top, said, empty, found: [] };
  made.paintSpan = () =>
    [span.children[0], span.children[1], span.children[2]].forEach((each, i) =>
      put(each, [range + " ago", chosen().half, "now"][i]),
    );
  made.paintSpan();
  GRAPHS.push(made);
  readable(made);
  return made;
}
// The samples in columns, one for each place on the screen, and a list for each stretch without a gap
function stretches(found, from, span, gap) {
  const all = [];
  const crowded = found.length > WIDE * 1.3;
  let stretch = null;
  let before = 0;
  for (const [time, mean, least, most] of found) {
    if (mean == null) {
      stretch = null;
      continue;
    }
    const x = Math.min(WIDE, ((time - from) / span) * WIDE);
    const column = stretch?.at(-1);
    if (!stretch || time - before > gap) all.push((stretch = [{ x, mean, least, most, count: 1 }]));
    else if (crowded && x - column.x < 1) {
      column.mean += (mean - column.mean) / ++column.count;
      column.least = Math.min(column.least, least);
      column.most = Math.max(column.most, most);
    } else stretch.push({ x, mean, least, most, count: 1 });
    before = time;
  }
  return all;
}
function draw(made) {
  const curve = remembered[chosen().api];
  const span = chosen().seconds;
  const from = last - span;
  const gap = apart(curve);
  const series = made.names.map(name => samples(name, curve, from));
  const [low, high] = made.scale(series);
  const x = value => value.toFixed(1);
  const y = value =>
    (HIGH - 1.5 - ((Math.min(high, Math.max(low, value)) - low) / (high - low)) * (HIGH - 4)).toFixed(1);
  const lines = series.map(found => stretches(found, from, span, gap));
  const path = (part, d) => made.paths[part].setAttribute("d", d);
  Object.assign(made, { found: series, from, span });
  const drawable = lines.flat();
  // What was never read has no graph; what is read has one as soon as there is a second sample
  made.box.hidden = !drawable.length && made.names.every(unread);
  put(made.empty, drawable.some(stretch => stretch.length > 1) || early(HISTORY) ? "" : EMPTY);

  const across = (stretch, value) => stretch.map(column => x(column.x) + " " + y(value(column))).join("L");
  const mean = stretch => across(stretch, column => column.mean) + (stretch.length > 1 ? "" : "h0");
  path("line", lines[0].map(stretch => "M" + mean(stretch)).join(""));
  path("second", (lines[1] ?? []).map(stretch => "M" + mean(stretch)).join(""));
  path(
    "area",
    low
      ? ""
      : lines[0]
          .map(
            stretch =>
              `M${x(stretch[0].x)} ${HIGH}L${across(stretch, column => column.mean)}L${x(stretch.at(-1).x)} ${HIGH}Z`,
          )
          .join(""),
  );
  path(
    "spread",
    lines[0]
      .map(
        stretch =>
          `M${across(stretch, column => column.most)}L${across([...stretch].reverse(), column => column.least)}Z`,
      )
      .join(""),
  );
  const foot = HIGH - 0.5;
  path("base", `M0 ${foot}H${WIDE}`);
  path("gap", dotted(lines[0], foot));
  path("mark", made.mark?.() ? `M0 ${y(made.mark())}H${WIDE}` : "");
  path("start", starts(curve?.boots, from, span, HIGH));
  const end = lines[0].at(-1)?.at(-1);
  path("dot", end && end.x > WIDE - (gap / span) * WIDE ? `M${x(end.x)} ${y(end.mean)}h0` : "");
  put(made.top, made.written?.(high) ?? "");
  made.point?.();
}
const unread = name => (seen[name] ?? []).every(sample => sample[1] == null);
// What is not covered, from the left edge to the right one
function gaps(stretches) {
  const found = [];
  let covered = 0;
  for (const stretch of stretches) {
    if (stretch[0].x - covered > 1.5) found.push([covered, stretch[0].x]);
    covered = stretch.at(-1).x;
  }
  if (WIDE - covered > 3) found.push([covered, WIDE]);
  return found;
}
const dotted = (stretches, foot) =>
  gaps(stretches)
    .map(([one, other]) => `M${one.toFixed(1)} ${foot}H${other.toFixed(1)}`)
    .join("");
const starts = (boots, from, span, height) =>
  (boots ?? [])
    .filter(time => time > from)
    .map(time => `M${(((time - from) / span) * WIDE).toFixed(1)} 0V${height}`)
    .join("");
// The scale of rates: 1, 2 or 5 times a power of ten, so that it seldom moves
function ceiling(least, series) {
  let most = least;
  for (const found of series) for (const sample of found) if (sample[3] > most) most = sample[3];
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].find(step => most <= step * power * 1.0001) * power;
}
// The key to the marks that these graphs have
function paintKey(box, graphs) {
  const used = Object.entries(MARKS).filter(([part]) =>
    graphs.some(each => !each.box.hidden && each.paths[part]?.getAttribute("d")),
  );
  const keys = used.map(([part, [words, d]]) =>
    make(
      "span",
      drawn(
        "svg",
        { class: "sp strip", viewBox: "0 0 14 12", "aria-hidden": "true" },
        drawn("path", { class: part, d }),
      ),
      words,
    ),
  );
  renew(box, ...keys);
}
