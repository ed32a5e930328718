// The routes, each with a form that asks this machine

const LINES = 500;
// Short objects on one line
function pretty(value, margin = "") {
  const line = JSON.stringify(value);
  const deeper = margin + "  ";
  if (value === null || typeof value !== "object" || (line.length < 60 && !/[[{]/.test(line.slice(1))))
    // A string as it is; a blank behind what parts others
    return line.replace(/"(?:\\.|[^"\\])*"|[,:]/g, part => (part[1] ? part : part + " "));
  const list = Array.isArray(value);
  const parts = Object.entries(value).map(
    ([key, each]) => deeper + (list ? "" : JSON.stringify(key) + ": ") + pretty(each, deeper),
  );
  return line[0] + "\n" + parts.join(",\n") + "\n" + margin + line.at(-1);
}
function show(box, text, type) {
  const json = /json/.test(type);
  const lines = (json ? pretty(JSON.parse(text)) : text).split("\n");
  const shown = lines.slice(0, LINES).join("\n");
  const parts = json ? shown.split(/("(?:\\.|[^"\\])*":)/) : [shown];
  box.replaceChildren(...parts.map((part, i) => (i % 2 ? make("b", part) : part)));
  if (lines.length > LINES) box.append(`\n… and ${lines.length - LINES} more lines; the curl command prints them all.`);
  box.hidden = false;
  box.scrollTop = 0;
}
// The old way: navigator.clipboard does not exist on http://pi:8585, which is no secure context
function copy(event) {
  const self = event.currentTarget;
  getSelection().selectAllChildren(self.source);
  const copied = document.execCommand("copy");
  put(self, copied ? "Copied" : "Ctrl+C");
  tell(copied ? "Copied." : "Selected; press Ctrl and C.");
  setTimeout(() => put(self, "Copy"), 1600);
}
function copier(source, label) {
  const node = button("", "Copy", label, copy);
  node.source = source;
  return node;
}
function ticked(kind, value, ...inside) {
  const input = make("input");
  input.type = "checkbox";
  input.value = value;
  return make(kind, input, ...inside);
}
// A control beside the words that say what it accepts
function control(box) {
  const given = box.dataset;
  const name = given.name;
  const preset = given.preset;
  const choices = given.choices;
  const list = box.querySelector(".chips");
  if (list) {
    const set = make(
      "fieldset.chips",
      make("legend.sr", name),
      ...all("b", list).map(each => ticked("label", each.textContent, make("span", each.textContent))),
    );
    set.append(button("", "Clear (none means all)", null, () => fill(box.closest(".rt"), "")));
    list.replaceWith(set);
  } else if (/true|false/.test(preset)) {
    const other = preset === "true" ? "false" : "true";
    box.append(ticked("label.ck", other, `Add ${name}=${other}`));
  } else {
    const input = make(choices ? "select" : "input");
    for (const each of choices?.split(" ") ?? []) input.append(new Option(each));
    input.value = preset;
    input.ariaLabel = name;
    box.append(input);
  }
}
const boxes = article => all("[data-name]", article);
function target(article) {
  const given = new URLSearchParams();
  for (const box of boxes(article)) {
    const free = box.querySelector("input:not([type])");
    const value = free
      ? free.value
      : all(":checked", box)
          .map(each => each.value)
          .join();
    if (value && value !== box.dataset.preset) given.set(box.dataset.name, value);
  }
  const query = (given + "").replaceAll("%2C", ",");
  return article.id + (query && "?" + query);
}
function fill(article, query) {
  const given = new URLSearchParams(query);
  for (const box of boxes(article)) {
    const value = given.get(box.dataset.name) ?? box.dataset.preset;
    for (const each of all("input, select", box)) {
      if (each.type === "checkbox") each.checked = value.split(",").includes(each.value);
      else each.value = value;
    }
  }
  spell(article);
}
const breaking = (node, text) =>
  node.replaceChildren(...text.split(/(?<=[?&,/])(?!\/)/).flatMap(part => [part, make("wbr")]));
function spell(article) {
  const url = location.origin + target(article);
  const quoted = /[^\w:/.,=%-]/.test(url) ? `'${url}'` : url;
  const [plain, curl] = all(".ln code", article);
  breaking(plain, url);
  breaking(curl, `curl ${token ? '-H "Authorization: Bearer $PISTAT_API_TOKEN" ' : ""}${quoted}`);
}
async function send(article) {
  const meta = article.querySelector(".goes span");
  const began = performance.now();
  put(meta, "Sending…");
  let answer, text;
  try {
    answer = await ask(target(article), 30);
    text = await answer.text();
  } catch {
    return put(meta, host + " does not answer.");
  }
  const rest = answer.headers.get("RateLimit-Remaining");
  meta.replaceChildren(
    make(answer.ok ? "b" : "b.e", `${answer.status} ${answer.statusText}`),
    ` in ${whole(performance.now() - began)} ms, ${size(new Blob([text]).size)}${rest ? ", " + rest + " requests left" : ""}`,
  );
  show(article.querySelector(".out"), text, answer.headers.get("Content-Type"));
}
function equip(article) {
  const path = article.id;
  const meta = make("span", "Asks this machine, now.");
  const out = make("pre.out");
  const line = name => {
    const code = make("code");
    return make("div.ln", code, copier(code, `Copy the ${name} of ${path}`));
  };
  meta.role = "status";
  Object.assign(out, { tabIndex: 0, role: "region", ariaLabel: "Answer of " + path, hidden: true });
  article.querySelector(".req").prepend(
    line("URL"),
    line("curl command"),
    make(
      "div.goes",
      button(".go", "Send", "Send " + path, () => send(article)),
      meta,
    ),
    out,
  );
  boxes(article).forEach(control);
  article.oninput = () => spell(article);
  spell(article);
}
// A request that is cited somewhere stands in its form when it is followed
function follow(event) {
  const article = at(event.currentTarget.pathname);
  event.preventDefault();
  article.open = true;
  fill(article, event.currentTarget.search);
  article.scrollIntoView();
}
