// Polling: one question at a time, at most 20 a minute from all tabs together, fewer after refusals and
// failures, none while nobody looks.
//
// A source is what can be asked for: key() names it to the other tabs, target() is the request, take()
// puts the answer onto the page, wanted() says whether anybody sees it, kept() is what another tab is given
// to begin with.

const EVERY = document.body.dataset.every * 1e3;
const WINDOW = 10 * EVERY;
const OTHERS = 10;
const SOURCES = [];
const spent = [];
let paused = false;
let polling = false;
let failures = 0;
let rest = 0;
let note = null;

// Every `turns` of the page it is asked for again
function source(key, turns, take, rest) {
  const made = {
    key: () => key,
    wanted: () => true,
    kept: () => made.found,
    at: 0,
    seconds: 5,
    next: 0,
    hurried: false,
    every: turns * EVERY,
    take,
    ...rest,
  };
  SOURCES.push(made);
  return made;
}
function ask(target, seconds = 5) {
  // Even without a token: to a script that shows one, the browser puts up no dialog of its own. Not as
  // Authorization: that is what the browser shows to a proxy with a password. Without what no token
  // holds, such as a blank that was copied along.
  return fetch(target, {
    headers: { "X-API-Key": token.replace(/[^!-~]/g, "") },
    cache: "no-store",
    signal: AbortSignal.timeout(seconds * 1e3),
  });
}
// What the tabs have asked for lately besides /stats, which comes at its own pace
function count(key) {
  if (key !== "stats") spent.push(Date.now());
}
function hasRoom() {
  while (spent[0] < Date.now() - WINDOW) spent.shift();
  return spent.length < OTHERS;
}
function choose() {
  const due = SOURCES.filter(each => each.next <= Date.now() && each.wanted());
  if (due.includes(STATS) || failures) return due.find(each => each === STATS);
  const first = due.sort((one, other) => other.hurried - one.hurried || one.next - other.next)[0];
  return first?.hurried || hasRoom() ? first : null;
}
// What somebody has just asked for does not wait
function hurry(source) {
  source.next = 0;
  source.hurried = true;
  tick();
}
async function tick() {
  if (paused || document.hidden || polling || Date.now() < rest) return;
  const chosen = choose();
  if (!chosen) return;
  polling = true;
  await question(chosen);
  polling = false;
  tick();
}
async function question(source) {
  const key = source.key();
  source.hurried = false;
  // While another tab asks, its answer is waited for
  source.next = Date.now() + PATIENCE;
  if (!(await claimed(key)) || source.key() !== key || source.next - Date.now() > PATIENCE) return;
  count(key);
  const answered = { key, status: 0, wait: 0, found: null };
  try {
    const answer = await ask(source.target(), source.seconds);
    answered.status = answer.status;
    answered.wait = +answer.headers.get("Retry-After");
    if (answer.ok) answered.found = await answer.json();
  } catch {
    // No answer, or half of one: as if there were none
    answered.status = 0;
  }
  share(answered);
  settle(answered);
}
// What an answer means, whichever tab was given it
function settle({ key, status, wait, found, age = 0 }) {
  const asked = SOURCES.find(each => each.key() === key);
  // Who was refused is asked for again as soon as that is over
  if (asked) asked.next = status === 429 || status === 401 ? 0 : Date.now() - age + asked.every;
  if (status === 200) {
    if (asked === STATS) alive();
    if (asked) Object.assign(asked, { found, at: Date.now() - age }).take(found);
  } else if (status === 429) busy(wait || 30);
  else if (status === 401) locked();
  else if (asked === STATS) gone(status);
  else if (asked) {
    // Whether all of it is gone, /stats will say
    asked.next = Date.now() + 2 * EVERY;
    if (!status) STATS.next = 0;
  }
}

// How it goes

const left = () => Math.max(0, Math.ceil((rest - Date.now()) / 1e3)) + NB + "s";
function status(text, state = "") {
  at("live").classList.toggle("off", !!state);
  at("now").classList.toggle("stale", state === "gone");
  put(at("live-text"), text);
}
function alive() {
  if (failures) tell(host + " answers again.");
  failures = rest = 0;
  note = null;
  state = "live";
  unlocked();
  // One that was under way when it was paused
  if (!paused) status("Live");
}
function busy(seconds) {
  rest = Date.now() + seconds * 1e3;
  STATS.next = 0;
  note = () => `Trying again in ${left()}.`;
  state = "busy";
  status(note(), "busy");
  headline(
    "warn",
    "Asked too often",
    `Others at this address ask, too. ${last ? `The readings are of ${clock(last)}. ` : ""}See PISTAT_RATE_LIMIT_REQUESTS.`,
  );
}
// Without an answer, or with the status of one that is an error
function gone(why) {
  const [now, since] = why ? ["fails with " + why, "has failed with " + why] : ["does not answer", "has not answered"];
  if (!failures++) tell(`${host} ${now}.`);
  rest = Date.now() + ([2, 4, 8, 15][failures - 1] ?? 30) * 1e3;
  STATS.next = 0;
  note = () => `Trying again in ${left()}.`;
  state = "gone";
  status(note(), "gone");
  headline(
    "warn",
    `${host} ${last ? `${since} since ${clock(last)}` : now}`,
    joined(
      last && "The readings are from then.",
      !why && "Check that your Pi has power and is on the network. If it is, log in and run systemctl status pi-stat.",
    ).replace(" · ", " "),
  );
  // What was found then may be over
  renew(at("findings"));
  document.title = "? " + host;
}
function togglePause() {
  paused = !paused;
  put(at("pause"), paused ? "Resume" : "Pause");
  if (paused) status(`Paused${last ? " at " + clock(last) : ""}`, "busy");
  else {
    status("Live");
    tick();
  }
}
