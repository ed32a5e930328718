"use strict";
// The live half of the page. Whatever the daemon says becomes text nodes, never markup.

const at = id => document.getElementById(id);
const all = (query, root = document) => [...root.querySelectorAll(query)];
const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const NB = "\u00a0", NONE = "–";
// What the machine calls itself, once it has said so
let host = "This machine";
const EVERY = +document.body.dataset.every, WINDOW = 300;

function make(kind, ...inside) {
  const [tag, ...names] = kind.split("."), node = document.createElement(tag);
  node.className = names.join(" ");
  node.append(...inside);
  return node;
}
function button(kind, text, label, act) {
  const node = make("button.btn" + kind, text);
  node.ariaLabel = label;
  node.onclick = act;
  return node;
}

// What this tab keeps, if it may
function kept(name, text) {
  try { return text == null ? sessionStorage[name] : sessionStorage[name] = text; } catch { return ""; }
}
