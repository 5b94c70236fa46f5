// Time with its idle parts folded. Where nothing is going on for long, a short mark stands for it.

import { bisectRight, ticks } from "d3-array";

const IDLE = 1_000_000; // µs without an open request: shorter is no wait
const MOST = 0.2; // of the width, for all folds together
const MARGIN = 0.012; // of the width, at both ends

/** Folds the gaps between items (lists of them, each in time order); `place(t)` is 0..1, `moment(p)` its reverse. */
export function foldOf(lists, began, ended) {
  const gaps = idle(lists, began, ended);
  const active = ended - began - gaps.reduce((sum, [from, to]) => sum + to - from, 0);
  const width = gaps.length ? Math.min(IDLE, (MOST * Math.max(active, 1000)) / gaps.length) : 0;
  const times = [began];
  const places = [0];
  const step = (to, size) => {
    places.push(places.at(-1) + size);
    times.push(to);
  };
  for (const [from, to] of gaps) {
    step(from, from - times.at(-1));
    step(to, width);
  }
  step(ended, ended - times.at(-1));
  const total = places.at(-1) || 1;
  const shares = places.map((place) => MARGIN + (1 - 2 * MARGIN) * (place / total));
  const place = (t) => between(times, shares, t);
  return {
    place,
    moment: (p) => between(shares, times, p),
    folds: gaps.map(([from, to]) => ({ from, to, left: place(from), right: place(to) })),
    /** About `wanted` round moments that lie between two places, none of them in a fold. */
    ticks(left, right, wanted) {
      const found = [];
      for (let i = 0; i + 1 < times.length; i += 2) {
        const a = Math.max(left, shares[i]);
        const b = Math.min(right, shares[i + 1]);
        const most = Math.round((wanted * (b - a)) / (right - left));
        if (b > a && most > 0) found.push(...ticks(between(shares, times, a), between(shares, times, b), most));
      }
      return found;
    },
  };
}

/** The gaps between items that are long enough to be folded, with a little room beside them. */
function idle(lists, began, ended) {
  const gaps = [];
  let busy = began;
  const look = (at) => {
    const room = Math.min(IDLE / 10, (at - busy) / 4);
    if (at - busy > IDLE) gaps.push([busy + room, at - room]);
  };
  for (const { at, end } of inOrder(lists)) {
    look(at);
    busy = Math.max(busy, end ?? at);
  }
  look(ended);
  return gaps;
}

/** All items by their begin: merged, as sorting hundreds of thousands anew takes much longer. */
function* inOrder(lists) {
  const next = lists.map(() => 0);
  for (;;) {
    let first = -1;
    for (let i = 0; i < lists.length; i++) {
      if (next[i] < lists[i].length && (first < 0 || lists[i][next[i]].at < lists[first][next[first]].at)) first = i;
    }
    if (first < 0) return;
    yield lists[first][next[first]++];
  }
}

/** Linear between the points `(from[i], to[i])`, and on beyond the first and last. */
function between(from, to, value) {
  const i = Math.max(1, Math.min(from.length - 1, bisectRight(from, value)));
  const size = from[i] - from[i - 1];
  const share = size ? (value - from[i - 1]) / size : 0;
  return to[i - 1] + share * (to[i] - to[i - 1]);
}
