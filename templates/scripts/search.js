// The fields of the manual: path, the term that stands above it, and what is said of it
const manual = [];
let above = null, source = "";
for (const term of all("#fields dt")) {
  const name = term.textContent, own = name[0] === ".", parts = [term];
  while (parts.at(-1).nextElementSibling?.tagName === "DD") parts.push(parts.at(-1).nextElementSibling);
  source = parts[3]?.textContent ?? source;
  if (parts.length > 1) manual.push({ path: own ? above.firstChild.data.trim() + name : name, above: own && above, source: own ? source : "", parts: parts });
  else above = term;
}
function search(event) {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const term of all("#fields .g")) term.hidden = words.length > 0;
  for (const field of manual) {
    const text = [field.path, field.source, ...field.parts.map(part => part.textContent)].join(" ").toLowerCase(), hit = words.every(word => text.includes(word));
    for (const part of field.parts) part.hidden = !hit;
    if (hit && field.above) field.above.hidden = false;
    count += hit;
  }
  put(at("found"), words.length ? `${count} ${count === 1 ? "field" : "fields"}` : "");
}
