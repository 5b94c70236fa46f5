// Reads a cassette of format 1 or 2; written from docs/format.md alone, whose sections are named by "§". node read.mjs FILE [NAME=VALUE ...]
import { openSync, readSync, fstatSync } from "node:fs"; import { isUtf8 } from "node:buffer"; import { createHash } from "node:crypto";
import { crc32 } from "node:zlib"; import { Decoder } from "@msgpack/msgpack"; import { Decompress } from "fzstd";
const need = (ok, why = "damaged") => { if (!ok) throw new Error(why); return true; }, sha256 = (v) => createHash("sha256").update(v).digest();
const small = (big) => (BigInt.asIntN(54, big) === big ? Number(big) : big), values = new Decoder({ useBigInt64: true, rawStrings: true });
const EXACT = { readF32: Object, readF64: Object, readU64AsBigInt: small, readI64AsBigInt: small }; // §2: floats become objects: 1.0 is no int
for (const read in EXACT) values[read] = () => EXACT[read](Decoder.prototype[read].call(values));
const FORMS = "m a s s f0 - f0 f0 b1 b2 b4 e1 e2 e4 f4 f8 f1 f2 f4 f8 f1 f2 f4 f8 f2 f3 f5 f9 f17 s1 s2 s4 a2 a4 m2 m4".split(" ");
function decode(type, body, at = 0, strings = 0, left = body.length > 65536 ? 600000 : 1e9) { // §2: walks a body before it is allocated
  const skip = (n) => { need((at += n) <= body.length); return body.subarray(at - n, at); }, entries = type > 1 && type < 8 ? 4096 : 65536;
  const walk = (depth, most) => { // FORMS: fixed, bin, ext, str, array, map, and the bytes of the size or of the fixed value
    const c = skip(1)[0], form = c < 0x80 || c > 0xdf ? "f0" : FORMS[c < 0xc0 ? (c >> 4) - 8 : c - 0xbc], kind = form[0], wide = +form.slice(1);
    const size = kind === "f" ? wide : wide ? skip(wide).readUIntBE(0, wide) : c & (kind === "s" ? 31 : 15), keys = new Set();
    if (kind === "s") { strings++; need(isUtf8(skip(size))); return "$" + body.latin1Slice(at - size, at); }
    if (kind !== "m" && kind !== "a") return void (need(form !== "-"), skip(size + (kind === "e")));
    need(depth <= 8 && size <= (kind === "m" ? most : entries) && size <= body.length - at && (left -= 1 + size) >= 0, "limit");
    for (let i = 0, key; i < size; i++, walk(depth + 1, type === 0x14 && depth === 1 && key === "$sessions" ? 65536 : 64))
      if (kind === "m") { need((key = walk(depth)) && !keys.has(key)); keys.add(key); strings--; } // a key is a str, and there once
  }; walk(1, 64);
  const value = at === body.length && values.decode(body);
  need(type !== 1 || !(value.cassette > 2), `this needs a reader of format ${value.cassette}`); // §3: before any other field
  return need(like(TYPES[type === 1 && value.cassette === 2 ? 0x101 : type], value) && !(strings && [0x11, 0x3f, 0x40].includes(type)), "fields") && value;
} // those three hold bin, never str. §3, §4, §6-8: the fields of each type (a test, or an array or map of such), and the order of types
const text = Buffer.isBuffer, int = (v) => Number.isSafeInteger(v) || typeof v === "bigint", nil = (t) => (v) => v === null || like(t, v);
const isMap = (v) => v?.__proto__ === Object.prototype, dict = (t) => (v) => isMap(v) && Object.values(v).every((e) => like(t, e));
const list = (t, most = 65536) => (v) => Array.isArray(v) && v.length <= most && v.every((e) => like(t, e)), pages = list(list([int, int], 8192));
const like = (t, v) => typeof t === "function" ? t(v) : (t.length ? Array.isArray(v) && v.length === t.length : isMap(v))
  && Object.keys(t).every((key) => Object.hasOwn(v, key) && like(t[key], v[key])), oneOf = (v) => text(v) && /^(journal|sealed|archive)$/.test(v);
const top = { n: int, t: int, x: int }, b = (v) => text(v) || int(v), answer = { h: list([text, text]), b }, flag = (v) => typeof v === "boolean";
const short = (v) => text(v) && v.length <= 2 ** 17, one = (v) => v === 1, names = { dialect: text, profile: oneOf, redaction: text, upstream: text };
const several = (v) => text(v) || (list(text)(v) && v.length > 0), header2 = { cassette: int, ...names, started: int, policy_text: short };
const TYPES = { 1: { cassette: one, ...names, started: int }, 0x101: { ...header2, dialect_text: short }, 0x42: { dialect: text, dialect_text: short },
  2: { ...top, c: text, m: text, u: text, ...answer }, 3: { ...top, s: int, ...answer }, 4: { ...top, why: text }, 5: { ...top, in: flag, b },
  6: { n: int, t: int, kind: text, text }, 7: { ...top, b }, 0x14: { poll_timeout: nil(int), sessions: dict([int, int]) }, 0x11: [int, text], 0x10: { ack: nil(int),
    ev: list([int, int, text, text, text, int, text, list(int)]), fail: nil(int), keys: dict(several), n: int, op: nil(text), req: int, s: nil(text),
    st: text }, get 0x12() { return this[0x10]; }, 0x13: [int, int, text, text, nil(text)],
  0x44: [text, text], 0x41: { records: pages, triples: pages, keys: pages }, 0x3f: (v) => text(v) && v.length === 40, 0x40: (v) => text(v) && v.length <= 98304 };
const MAYBE = { 3: "st", 5: "bin", 7: "last" }, ORDER = { 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 0x10: 2, 0x12: 3, 0x13: 4, 0x14: 5, 0x40: 6, 0x44: 6, 0x41: 7, 0x3f: 8 };
function frameAt(get, at, end) { // §1, §9: without "all" if it could go on behind the end; an error if it is not intact
  const head = Buffer.concat([get(at, Math.min(7, end - at))], 7), L = head.readUInt32BE(3);
  need(head[0] === 0x94 && head[1] < 0x80 && (head[2] === 0xce || end - at < 3) && L <= 2 ** 26);
  const all = end - at < 12 + L ? null : get(at, 12 + L);
  need(!all || (all[7 + L] === 0xce && crc32(all.subarray(0, 7 + L)) === all.readUInt32BE(8 + L)));
  return { type: head[1], body: all?.subarray(7, 7 + L), all, at, next: at + 12 + L };
}
function unpack(body, done = 0, frames = []) { // §7: the frames of a block: it has to hold one Zstandard frame (RFC 8878, 3.1.1) within limits
  const [size, z] = decode(0x11, body), flags = z[4], single = flags & 32, fcs = [single && 1, 2, 4, 8][flags >> 6];
  let to = (single ? 5 : 6) + fcs, block = 0, says = z.subarray(to - fcs, to).reduceRight((sum, byte) => sum * 256 + byte, 0);
  need(size >= 1 && size <= 2 ** 20 && size <= 100 * z.length && z.readUInt32LE(0) === 0xfd2fb528, "limit");
  need(!(flags & 3) && says <= size && (single || z[5] <= 13 << 3), "dictionary or window"); // 13 << 3: 8 MiB
  for (; !(block & 1); to += 3 + ((block & 6) === 2 ? 1 : block >> 3)) need((block = z.readUIntLE(to, 3)) >> 3 <= 2 ** 17);
  const data = Buffer.alloc(size); new Decompress((part) => { data.set(part, done); done += part.length; }).push(z, true); // throws behind size
  for (let at = 0, it; at < size; at = it.next) need((it = frameAt((from, n) => data.subarray(from, from + n), at, size)).all) && frames.push(it);
  return need(done === size && to + (flags & 4) === z.length && frames.every(({ type }) => !(ORDER[type] > 4) || ORDER[type] === 6)) && frames;
}
const [path, ...wanted] = process.argv.slice(2), fd = openSync(path), size = fstatSync(fd).size, sha = createHash("sha256"), held = new Map();
const get = (at, n) => { const bytes = Buffer.alloc(n); need(readSync(fd, bytes, 0, n, at) === n); return bytes; };
const lists = Array.from(Array(9), () => []), [, records, triples, plain, unsolicited, summary, , , end] = lists, find = {}, digests = []; // by ORDER
let header = null, torn = null, error = null, profile = "", sound = false, place = 0, follow = 0;
function take({ type, body, all }) { // §4-6, §8: the next frame: order of the types, numbers, bodies that stand there before
  need(ORDER[type] >= place + [0x14, 0x41].includes(type) && (profile !== "journal" || type < 8), `type ${type} is unknown or not here`);
  const value = decode(type, body), into = lists[place = ORDER[type]], holds = [2, 3, 5, 7].includes(type), n = value.b, may = MAYBE[type];
  need(type > 0x12 || value.n === (type === 0x12 ? 0 : into.length + (type === 0x10)), "number");
  need(flag(value[may] ?? false), "fields"); // §4: an optional field of a record is there if it is true
  if (holds && int(n)) need(profile !== "journal" && text((value.b = records[n]?.b)) && held.get(value.b.latin1Slice()) === n, "reference");
  const bytes = holds && value.b.length >= 64 && value.b.length <= 16384 && value.b.latin1Slice();
  if (bytes && !held.has(bytes) && held.set(bytes, value.n).size > 4096) held.delete(held.keys().next().value);
  if ([0x10, 0x12, 0x13].includes(type)) digests.push(sha256(all).subarray(0, 8));
  const keys = type < 8 && [...Object.keys(TYPES[type]), ...(value[may] ? [may] : [])];
  into.push(keys ? { type, ...Object.fromEntries(keys.map((key) => [key, value[key]])) } : value);
}
for (let at = 0, frame; !error && !end.length && (at < size || !header); at = frame?.next) try { // §3, §9: to the end, or to damage
  const { type, all, body } = (frame = frameAt(get, at, size));
  if (!header) { header = need(type === 1) && decode(1, body); profile = String(header.profile); follow = header.rules ? 4000 : 0; delete header.rules; }
  else if (!all && need(profile === "journal", "cut off")) { torn = at; break; } // §3: then the frames in which the dialect may follow
  else if (follow-- > 0 && type === 0x42) ({ dialect: header.dialect, dialect_text: header.dialect_text } = decode(type, body), follow = 0);
  else (type === 0x11 && profile === "archive" ? unpack(body) : [frame]).filter((f) => f.type < 0x40 || ORDER[f.type]).forEach(take);
  if (type !== 0x3f) sha.update(all); else if (at + 54 < size) error = { offset: at + 54 }; // nothing stands behind the end
  else sound = summary.length && end[0].subarray(8).equals(sha.digest());
} catch (e) { console.error(`at ${at}: ${e.message}`); error = { offset: header ? at : null }; }
function reach(type, offset, inner = 0) { // §8: what stands at an address
  const it = frameAt(get, Number(offset), size - 54), frame = it.type === 0x11 ? unpack(it.body).find(({ at }) => at === inner) : inner || it;
  return need(frame.type === type, "index") && decode(type, frame.body);
}
function search(name, value, bytes = Buffer.from(value), found = new Set()) { // §8: the numbers of the triples that have a key
  const has = (t) => [t.keys[name], name === "operation" && t.op, ...t.ev.map((e) => name === "channel" && e[2])].flat().some((v) => v?.equals?.(bytes));
  const index = end[0].readBigUInt64BE(0), hash = sha256(`${name}\0${value}`).subarray(0, 8), sought = hash.readBigUInt64BE(0);
  if (!index) return triples.filter(has).map(({ n }) => n);
  const contents = reach(0x41, index), pages = contents.keys.flat(), from = Math.max(0, pages.findLastIndex(([first]) => first < sought));
  for (const [, at] of pages.slice(from).filter(([first]) => first <= sought)) for (let page = reach(0x40, at), e = 0; e < page.length; e += 12)
    if (page.subarray(e, e + 8).equals(hash)) found.add(page.readUInt32BE(e + 8));
  return [...found].sort((one, two) => one - two).filter((n) => {
    const address = reach(0x40, contents.triples.flat()[Math.floor((n - 1) / 8192)][1]).readBigUInt64BE((n - 1) % 8192 * 8);
    const triple = reach(0x10, address >> 24n, Number(address & 0xffffffn));
    return need(triple.n === n, "index") && has(triple); });
}
function details() { // §8: all addresses lead to what they say, in order; digests has their frames, members the records of each exchange
  const contents = reach(0x41, end[0].readBigUInt64BE(0)), pagesOf = (name) => contents[name].flat().map(([, at]) => reach(0x40, at));
  const of = (name, w) => pagesOf(name).flatMap((page) => Array.from({ length: page.length / w }, (_, e) => page.subarray(e * w, e * w + w)));
  const led = (name, type) => of(name, 8).map((e, i) => e.readBigUInt64BE()).map((at, i) => reach(type(i), at >> 24n, Number(at & 0xffffffn)));
  need([led("exchanges", () => 0x12), led("unsolicited", () => 0x13)].every((found, i) => json(found) === json([plain, unsolicited][i])), "tables");
  const members = records.filter(({ x }) => x !== undefined).map(({ x, n }) => Buffer.from(`${BigInt.asUintN(64, BigInt(x)).toString(16).padStart(16, 0)}${n.toString(16).padStart(8, 0)}`, "hex"));
  need(json(of("digests", 8)) === json(digests), "digests");
  need(json(of("members", 12)) === json(members.sort(Buffer.compare)) && of("orders", 2).length === triples.length, "tables");
  const [first, ...rest] = led("details", (i) => (i ? 0x44 : 0x14)); return need(first.rules === summary[0].rules) && rest;
}
const json = (v) => text(v) ? v.length > 1000 ? `{"size":${v.length},"sha256":"${sha256(v).toString("hex")}"}`
    : isUtf8(v) ? JSON.stringify(v.toString()) : `{"hex":"${v.toString("hex")}"}`
  : typeof v === "bigint" ? `${v}` : Array.isArray(v) ? `[${v.map(json)}]` : !isMap(v) ? JSON.stringify(v)
  : `{${Object.entries(v).map(([key, item]) => `${JSON.stringify(key)}:${json(item)}`)}}`;
try { need(error || sound || profile === "journal"); for (const arg of wanted) if (sound) find[arg] = search(...arg.split(/=(.*)/s, 2)); }
catch (e) { console.error(e.message); error = { offset: null }; }
if (error || !sound) for (const part of [triples, plain, unsolicited, summary, wanted]) part.length = 0;
const told = !error && sound && summary[0]?.rules !== undefined ? { details: details() } : {};
console.log(json({ header, torn, error, records, triples, plain, unsolicited, summary: summary[0] ?? null, ...told,
  counts: [records.length, triples.length], find: error ? {} : find }));
