// The token, if this machine wants one: kept in this tab, or on this device if its owner says so

let token = kept("sessionStorage", "token") || kept("localStorage", "token");

function locked() {
  const refused = token ? "does not accept this token" : "needs a token";
  rest = Date.now() + 30e3;
  STATS.next = 0;
  note = () => `Trying again in ${left()}.`;
  status(note(), "busy");
  headline("warn", `${host} ${refused}`, "It is the PISTAT_API_TOKEN of its settings.");
  if (state !== "locked") tell(`${host} ${refused}.`);
  state = "locked";
  at("lock").hidden = false;
  bare(!last);
}
// Without readings there is nothing to show them in
function bare(yes) {
  for (const id of ["live-part", "tables", "pause", "degrees", "range"]) at(id).hidden = yes;
}
function unlocked() {
  at("lock").hidden = true;
  bare(false);
}
function unlock(event) {
  event.preventDefault();
  token = at("token").value;
  kept("sessionStorage", "token", token);
  kept("localStorage", "token", at("remember").checked ? token : null);
  join(token);
  all(".rt").forEach(spell);
  rest = 0;
  tick();
}
