/** The service's clock as this page knows it, and times in words. Instants are milliseconds; the words match _times.html. */

export class ServiceClock {
  #ahead = 0;

  /** Take over what the service says the time is (ISO 8601); in the sandbox it jumps. */
  set(iso) {
    const at = Date.parse(iso);
    if (!Number.isNaN(at)) this.#ahead = at - Date.now();
  }

  now() {
    return Date.now() + this.#ahead;
  }
}

const formats = new Map();

function format(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }));
  return formats.get(key);
}

const HOUR_MINUTE = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DAY = { weekday: "short", day: "numeric", month: "short" };

export function hourMinute(at, zone) {
  return format(zone, HOUR_MINUTE).format(at);
}

export function hourMinuteSecond(at, zone) {
  return format(zone, { ...HOUR_MINUTE, second: "2-digit" }).format(at);
}

export function longDay(at, zone, withYear = false) {
  const options = { weekday: "long", day: "numeric", month: "long", ...(withYear && { year: "numeric" }) };
  return format(zone, options).format(at).replace(",", "");
}

/** "16:11" today, "10:00 Mon 23 Nov" on another day. */
export function clockTime(at, now, zone) {
  const day = format(zone, DAY);
  const time = hourMinute(at, zone);
  return day.format(at) === day.format(now) ? time : `${time} ${day.format(at).replace(",", "")}`;
}

/** How long in words; below ten minutes to come, as 04:10. */
export function span(milliseconds) {
  const s = Math.floor(Math.abs(milliseconds) / 1000);
  if (s >= 172800) return `${Math.floor(s / 86400)} days ${Math.floor((s % 86400) / 3600)} h`;
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  if (milliseconds >= 0 && s < 600) return `${two(Math.floor(s / 60))}:${two(s % 60)}`;
  return s >= 60 ? `${Math.floor(s / 60)} min` : "less than 1 min";
}

export function dueWords(milestone, dueAt, now) {
  const left = dueAt - now;
  return `${milestoneName(milestone)} ${left >= 0 ? "due in" : "overdue by"} ${span(left)}`;
}

export function milestoneName(name) {
  return name === "complete" ? "Completion" : words(name);
}

/** "contact_made" as "Contact made". */
export function words(slug) {
  const spaced = slug.replace(/[_.-]+/g, " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

function two(number) {
  return String(number).padStart(2, "0");
}
