// Reading a graph: by a pointer, a finger, or the arrow keys

function readable(made) {
  const box = made.box;
  let place = null;
  Object.assign(box, {
    tabIndex: 0,
    role: "slider",
    ariaLabel: made.label,
    ariaValueMin: "0",
    ariaValueMax: "100",
    ariaValueNow: "100",
    ariaValueText: "now",
  });
  // Drawn anew with each answer, so that it stays at its time
  made.point = () => {
    made.paths.cursor.setAttribute("d", place == null ? "" : made.cursorAt(place));
    made.top.hidden = place != null;
    put(made.said, place == null ? "" : made.say(place));
  };
  made.cursorAt = time => `M${(((time - made.from) / made.span) * WIDE).toFixed(1)} 0V${HIGH}`;
  made.say ??= time => {
    const i = nearest(made.found[0], time);
    const values = made.found.map(found => found[nearest(found, time)]);
    const words = values.map((sample, n) =>
      sample?.[1] == null ? "not recorded" : made.write(sample[1]) + (made.words ? NB + made.words[n] : ""),
    );
    return `${clock(made.found[0][i]?.[0] ?? time, made.span)}: ${[...new Set(words)].join(", ")}`;
  };
  const show = time => {
    place = time == null ? null : Math.min(made.from + made.span, Math.max(made.from, time));
    made.point();
    if (place == null) return;
    box.ariaValueNow = whole(((place - made.from) / made.span) * 100);
    box.ariaValueText = made.said.textContent;
  };
  const under = event => {
    const area = made.svg.getBoundingClientRect();
    show(made.from + ((event.clientX - area.left) / area.width) * made.span);
  };
  const step = () => made.step?.() ?? Math.max(made.span / 100, 10);
  const keys = {
    ArrowLeft: () => place - step(),
    ArrowRight: () => place + step(),
    PageDown: () => place - 10 * step(),
    PageUp: () => place + 10 * step(),
    Home: () => made.from,
    End: () => made.from + made.span,
    Escape: () => null,
  };
  box.onpointermove = box.onpointerdown = under;
  box.onpointerleave = event => {
    if (event.pointerType === "mouse" && document.activeElement !== box) show(null);
  };
  box.onfocus = () => {
    if (box.matches(":focus-visible")) show(place ?? made.from + made.span);
  };
  box.onblur = () => show(null);
  box.onkeydown = event => {
    if (!keys[event.key]) return;
    event.preventDefault();
    place ??= made.from + made.span;
    show(keys[event.key]());
  };
}
// The place of the sample that is nearest in time; they are in order
function nearest(found, time) {
  let low = 0;
  let high = found.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (found[middle][0] < time) low = middle;
    else high = middle;
  }
  return found[high] && found[high][0] - time < time - found[low][0] ? high : low;
}
