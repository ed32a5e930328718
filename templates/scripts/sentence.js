// The sentence: how bad it is, of which kind, and the words; only what stands between stars is coloured

function sentence(now) {
  const power = now.power, heat = now.cpu_temp;
  const slowed = "so the CPU has been slowed", soft = power.soft_temp_limit, there = heat == null ? "" : " at " + celsius(heat);
  if (power.under_voltage)
    return ["bad", "supply", `${host} is *short of power*: its supply is sagging${power.throttled || power.freq_capped ? ", " + slowed : ""}.`];
  if (heat >= 85 || power.throttled && (heat >= 75 || soft))
    return ["bad", "heat", `${host} is *too hot*${there}${power.throttled ? ", " + slowed + " to cool down" : ""}.`];
  // A supply that has just sagged slows a cool board, too
  if (power.throttled || power.freq_capped) return [power.throttled ? "bad" : "warn", "slow", `${host} *has been slowed*, by its supply or by heat.`];
  if (heat >= 80 || soft) return ["warn", "warm", `${host} is *hot*${there}${soft ? " and has slowed itself a little" : ""}.`];
  if (now.disk.percent >= 95) return ["warn", "disk", `${host} is *nearly out of disk space*: ${size(now.disk.free)} left.`];
  if (now.memory.percent >= 95) return ["warn", "memory", `${host} is *nearly out of memory*: ${memory(now.memory.available)} left.`];
  const parts = [heat == null ? "" : celsius(heat), now.cpu_usage == null ? "" : `${whole(now.cpu_usage)}${NB}% busy`].filter(Boolean);
  const past = power.under_voltage_since_boot ? "its supply has sagged" : Object.keys(power).some(flag => flag.endsWith("_since_boot") && power[flag]) ? "it has been slowed" : "";
  if (past) return ["", "past", `${host} is fine now${parts.length ? ", at " + parts.join(" and ") : ""}, though ${past} since it booted.`];
  if (power.throttled === false) parts.push((power.under_voltage == null ? "never slowed" : "power steady") + " since it booted");
  else if (heat == null && now.memory.percent != null) parts.push(`${whole(now.memory.percent)}${NB}% of memory in use`);
  return ["", "fine", parts.length ? `${host} is fine: ${parts.join(", ")}.` : host + " answers, but cannot tell how it is."];
}
function headline(text, level) {
  const node = at("say");
  node.className = level;
  if (node.textContent !== text.replaceAll("*", "")) node.replaceChildren(...text.split("*").map((part, i) => i % 2 ? make("em", part) : part));
}
const tell = text => put(at("tell"), text.replaceAll("*", ""));
