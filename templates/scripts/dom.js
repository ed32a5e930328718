"use strict";
// The live half of the page. Whatever the daemon says becomes text nodes, never markup.

const at = id => document.getElementById(id);
const all = (query, root = document) => [...root.querySelectorAll(query)];
const put = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};
const NB = "\u00a0";
const NONE = "–";

// `kind` is a tag with its classes: "p.note". What is not there is left out
function make(kind, ...inside) {
  const [tag, ...names] = kind.split(".");
  const node = document.createElement(tag);
  node.className = names.join(" ");
  node.append(...inside.filter(each => each || each === 0));
  return node;
}
// These children instead of those that are there, of which what is alike stays: so do focus and selection
function renew(node, ...children) {
  const old = [...node.childNodes];
  children.forEach((each, i) => {
    const was = old[i];
    if (!was) node.append(each);
    else if (was.isEqualNode(each)) return;
    else if (was.nodeType === Node.TEXT_NODE && each.nodeType === Node.TEXT_NODE) was.data = each.data;
    else if (was.cloneNode().isEqualNode(each.cloneNode())) renew(was, ...each.childNodes);
    else was.replaceWith(each);
  });
  for (const left of old.slice(children.length)) left.remove();
}
function drawn(tag, given, ...inside) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in given) node.setAttribute(name, given[name]);
  node.append(...inside);
  return node;
}
function button(kind, text, label, act) {
  const node = make("button.btn" + kind, text);
  node.type = "button";
  node.ariaLabel = label;
  node.onclick = act;
  return node;
}
function link(text, target) {
  const node = make("a", text);
  node.href = target;
  return node;
}
// A text of the daemon, in which code stands in backticks
const coded = text => text.split("`").map((part, i) => (i % 2 ? make("code", part) : part));

// What this tab or this device keeps, if it may
function kept(store, name, text) {
  try {
    const place = self[store];
    if (text === null) delete place[name];
    return text == null ? (place[name] ?? "") : (place[name] = text);
  } catch {
    return "";
  }
}

// A bar of a hundred parts. Its length is an attribute, for which no policy has to allow styles
function bar(percent, kind = "meter") {
  const full = drawn("rect", { width: Math.min(100, percent ?? 0), height: 4 });
  return drawn("svg", { class: kind, viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" }, full);
}
const level = (node, name) => {
  for (const each of ["warn", "bad"]) node.classList.toggle(each, each === name);
};
const tell = text => put(at("tell"), text);
