// Asking: one request at a time, slower after refusals and failures, none while nobody looks

const QUICK = "cpu_temp,cpu_freq,cpu_usage,per_cpu_usage,memory,disk_io,network,power,load_avg,uptime,timestamp", SLOW = ",swap,disk,gpu,clocks";
let turn = 0, failures = 0, timer = 0, paused = false, asking = false, due = 0, note = null, complete = false;

function ask(target, seconds = 5) {
  // Even without a token: to a script that shows one, the browser puts up no dialog of its own. Not as
  // Authorization: that is what the browser shows to a proxy with a password. Without what no token
  // holds, such as a blank that was copied along.
  return fetch(target, { headers: { "X-API-Key": at("token").value.replace(/[^!-~]/g, "") }, cache: "no-store", signal: AbortSignal.timeout(seconds * 1e3) });
}
const left = () => Math.max(0, Math.ceil(due - Date.now() / 1e3)) + NB + "s";
function status(text, state = "") {
  at("live").classList.toggle("off", !!state);
  at("now").classList.toggle("stale", state === "gone");
  put(at("live-text"), text);
}
async function tick() {
  if (paused || document.hidden || asking) return;
  asking = true;
  let wait = EVERY;
  try {
    wait = await settle(await ask("/stats?fields=" + QUICK + (turn % 5 ? "" : SLOW) + (complete ? "" : ",hardware,system")));
  } catch (why) {
    wait = gone(why);
  }
  asking = false;
  due = Date.now() / 1e3 + wait;
  if (note) put(at("live-text"), note());
  later();
}
// Not before it is time, whoever comes back in between
function later() {
  clearTimeout(timer);
  timer = setTimeout(tick, due * 1e3 - Date.now());
}
// What an answer means; the seconds until the next question
async function settle(answer) {
  if (answer.status === 429) {
    note = () => `Asked too often; asking again in ${left()}.`;
    status("", "busy");
    return +answer.headers.get("Retry-After") || 30;
  }
  if (answer.status === 401) return locked();
  if (!answer.ok) throw answer.status;
  const found = await answer.json();
  failures = 0;
  note = null;
  complete ||= !(found.errors?.hardware || found.errors?.system);
  if (accept(found) || SILENT.test(kind)) paint();
  turn++;
  status(`Live, every ${EVERY} s. Last seen ${clock(last)}.`);
  TABLES.forEach(refresh);
  return EVERY;
}
function locked() {
  const refused = at("token").value ? "does not accept this token" : "needs a token";
  at("lock").open = true;
  note = () => `Asking again in ${left()}.`;
  status("", "busy");
  headline(`${host} *${refused}*; the box for it is below.`, "warn");
  if (kind !== "locked") {
    at("live").after(at("lock"));
    tell(`${host} ${refused}.`);
  }
  kind = "locked";
  return 30;
}
// Without an answer, or with the status of one that is an error
function gone(why) {
  const [now, since] = why > 0 ? ["fails with " + why, "has failed with " + why] : ["does not answer", "has not answered"];
  if (!failures++) tell(`${host} ${now}.`);
  note = () => `${last ? "The readings are from then. " : ""}Trying again in ${left()}.`;
  status("", "gone");
  headline(last ? `${host} *${since}* since ${clock(last)}.` : `${host} *${now}*.`, "warn");
  document.title = "? " + host;
  kind = "gone";
  return [2, 4, 8, 15][failures - 1] ?? 30;
}
function pause() {
  paused = !paused;
  put(at("pause"), paused ? "Resume" : "Pause");
  note = null;
  if (paused) status(`Paused${last ? " at " + clock(last) : ""}.`, "busy");
  else tick();
}
