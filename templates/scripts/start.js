// At the beginning

for (const each of all(".js")) each.hidden = false;
if (matchMedia("(max-width: 40em)").matches) at("facts-fold").open = false;
equipTiles();
equipPower();
for (const each of Object.keys(RANGES)) at("range").append(button("", each, null, () => chooseRange(each)));
paintRange();
all(".rt").forEach(equip);

for (const each of all("[data-fill]")) each.onclick = follow;
for (const each of all(".live-t th button"))
  each.onclick = () => (each.dataset.sort ? orderProcesses(each.dataset.sort) : sortBy(each.parentNode));
at("by").onchange = event => orderProcesses(event.target.value);
at("find").oninput = seekProcesses;
at("pause").onclick = togglePause;
at("lock").onsubmit = unlock;
at("degrees").onclick = () => {
  fahrenheit = !fahrenheit;
  kept("localStorage", "degrees", fahrenheit ? "F" : "C");
  paintDegrees();
  if (last) paintTiles();
  if (SENSORS.found) SENSORS.take(SENSORS.found);
};
function paintDegrees() {
  put(at("degrees"), degree());
  at("degrees").ariaLabel = `Temperatures in ${degree()}; change`;
}
paintDegrees();

// What is on the screen is kept up to date
const watching = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries)
    for (const each of SOURCES) if (each.place === target) each.visible = isIntersecting;
  tick();
});
for (const each of SOURCES.filter(each => "visible" in each)) {
  each.place = at(each.key().split(" ")[0]).closest("section");
  watching.observe(each.place);
}

// The bar marks the part of the page that is below it
const marks = all("nav a[href^='#']");
const bar_ = new IntersectionObserver(
  entries => {
    for (const entry of entries)
      marks.find(each => each.hash.slice(1) === entry.target.id).ariaCurrent = entry.isIntersecting;
  },
  { rootMargin: "-20% 0% -80%" },
);
for (const each of marks) bar_.observe(at(each.hash.slice(1)));

document.onvisibilitychange = tick;
self.addEventListener("pageshow", event => {
  if (event.persisted) join(token);
  tick();
});
setInterval(() => {
  if (note && !paused) put(at("live-text"), note());
  tick();
}, 500);

// Nobody who is there already answers later than that
join(token);
polling = true;
setTimeout(() => {
  polling = false;
  tick();
}, CLAIM);
