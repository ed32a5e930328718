"use strict";
// The search of the fields; without it the reference reads as well.

// A field: its path, the term that stands above it, where it is read, and the elements that show it
const fields = [];
let above = null, source = "";
for (const term of document.querySelectorAll("#fields dt")) {
  const name = term.textContent, below = name[0] === ".", parts = [term];
  while (parts.at(-1).nextElementSibling?.tagName === "DD") parts.push(parts.at(-1).nextElementSibling);
  source = parts[3]?.textContent ?? source;
  if (parts.length > 1) fields.push({ path: below ? above.firstChild.data.trim() + name : name, above: below && above, source: below ? source : "", parts: parts });
  else above = term;
}

const found = document.getElementById("found"), find = document.getElementById("find");
find.oninput = () => {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const term of document.querySelectorAll("#fields .g")) term.hidden = words.length > 0;
  for (const field of fields) {
    const text = [field.path, field.source, ...field.parts.map(part => part.textContent)].join(" ").toLowerCase();
    const hit = words.every(word => text.includes(word));
    for (const part of field.parts) part.hidden = !hit;
    if (hit && field.above) field.above.hidden = false;
    count += hit;
  }
  found.textContent = words.length ? `${count} ${count === 1 ? "field" : "fields"}` : "";
};
find.parentNode.hidden = false;
