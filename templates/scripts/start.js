// At the beginning

for (const each of all(".js")) each.hidden = false;
for (const each of all(".tile")) each.append(make("p.f", make("span"), make("span")));
for (const each of all("[data-graph]")) {
  const svg = graph(44);
  svg.id = "g-" + each.dataset.graph;
  each.replaceWith(svg);
}
at("token").value = kept("token") ?? "";
all(".rt").forEach(equip);
for (const each of all(".exs pre")) each.previousElementSibling.append(copier(each, "Copy the example"));
for (const each of all("[data-fill]")) each.onclick = event => {
  event.preventDefault();
  fill(at(each.pathname), each.search);
  at(each.pathname).scrollIntoView();
};
for (const each of all(".live-t button")) each.onclick = () => each.dataset.sort ? orderProcesses(each.dataset.sort) : order(each.parentNode);
at("by").onchange = event => orderProcesses(event.target.value);
at("pause").onclick = pause;
at("find").oninput = search;
at("token").oninput = () => {
  kept("token", at("token").value);
  all(".rt").forEach(spell);
};
at("token").onchange = () => { if (kind === "locked") tick(); };
document.onvisibilitychange = later;
setInterval(() => { if (note && !paused) put(at("live-text"), note()); }, 1e3);

const tables = new IntersectionObserver(entries => {
  for (const entry of entries) {
    const table = TABLES.find(each => each.id === entry.target.id);
    table.seen = entry.isIntersecting;
    if (turn) refresh(table);
  }
});
TABLES.forEach(each => { each.next = 0; tables.observe(at(each.id)); });

// The bar marks the part of the page that is below it
const links = all("nav a"), bar = new IntersectionObserver(entries => {
  for (const entry of entries) links.find(each => each.hash.slice(1) === entry.target.id).ariaCurrent = entry.isIntersecting;
}, { rootMargin: "-20% 0% -80%" });
links.forEach(each => bar.observe(at(each.hash.slice(1))));

headline("Asking this machine how it is.", "");
tick();
