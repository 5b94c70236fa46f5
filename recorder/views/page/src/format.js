// Times for people. All come in microseconds.

/** How long something took. */
export function duration(us) {
  const ms = us / 1000;
  const size = Math.abs(ms);
  if (size < 10) return `${+ms.toFixed(1)} ms`;
  if (size < 1000) return `${Math.round(ms)} ms`;
  if (size < 60_000) return `${(ms / 1000).toFixed(size < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(size / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((size % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A moment since the start, as a clock shows it. */
export function clock(us) {
  const ms = Math.round(us / 1000);
  const pad = (number, width = 2) => String(number).padStart(width, "0");
  const hours = Math.floor(ms / 3_600_000);
  const rest = `${pad(Math.floor(ms / 60_000) % 60)}:${pad(Math.floor(ms / 1000) % 60)}.${pad(ms % 1000, 3)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** A moment by the wall clock; empty where a cassette does not know it. */
export function wall(us) {
  const date = new Date(us / 1000);
  return us && !Number.isNaN(date.getTime()) ? date.toISOString().replace("T", " ").replace("Z", " UTC") : "";
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
