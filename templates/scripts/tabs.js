// Tabs of one browser share their questions. Who is about to ask says so, unless another has said it already,
// and gives way to who said it at the same moment and has the smaller number; answers go to all. A leader would
// need locks, which http://pi:8585 does not have, since it is no secure context.

const CLAIM = 80;
const PATIENCE = 2000;
const QUIET = 20_000;
const tab = Math.random();
let channel = null;
let heard = -QUIET;
let claims = [];

// Those with another token, or none, are not told what this one is answered
function join(token) {
  channel?.close();
  if (!self.BroadcastChannel) return;
  channel = new BroadcastChannel("pi-stat " + mixed(token));
  channel.onmessage = ({ data }) => {
    heard = performance.now();
    // Who has just been opened begins with what the others know
    if (data.hello) share({ to: data.hello, known: SOURCES.filter(fresh).map(snapshot), spent });
    if (data.to === tab) begin(data);
    if (data.claim) {
      claims.push({ ...data, at: heard });
      count(data.claim);
    }
    if (data.key && !paused) settle(data);
  };
  share({ hello: tab });
}
const fresh = source => source.kept() && Date.now() - source.at < source.every;
const snapshot = source => ({ key: source.key(), status: 200, found: source.kept(), age: Date.now() - source.at });
function begin(other) {
  if (other.spent.length > spent.length) spent.splice(0, Infinity, ...other.spent);
  for (const each of other.known) {
    const mine = SOURCES.find(source => source.key() === each.key);
    if (mine && !mine.kept()) settle(each);
  }
}
const mixed = text =>
  [...text].reduce((mix, letter) => Math.imul(mix ^ letter.codePointAt(), 16777619) >>> 0, 2166136261);
const share = message => channel?.postMessage(message);
const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));

// Whether it is on this tab to ask
async function claimed(key) {
  if (performance.now() - heard > QUIET) return true;
  if (rivals(key).length) return false;
  share({ claim: key, tab });
  await pause(CLAIM);
  return rivals(key).every(each => each.tab > tab);
}
function rivals(key) {
  claims = claims.filter(each => performance.now() - each.at < PATIENCE);
  return claims.filter(each => each.claim === key);
}
self.addEventListener("pagehide", () => channel?.close());
