// Reads a cassette as docs/format.md says and prints what is in it (see seen.py): node read.mjs FILE [NAME=VALUE ...]
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { decode } from "@msgpack/msgpack";
import { decompress } from "fzstd";

const [BLOCK, PAGE, END, MAX] = [0x11, 0x40, 0x3f, 64 << 20];
const FIELDS = { 2: "ntxcmuhb", 3: "ntxshb", 4: ["n", "t", "x", "why"], 5: ["n", "t", "x", "in", "b"], 6: ["n", "t", "kind", "text"] };
const DERIVED = { 0x10: "triples", 0x12: "plain", 0x13: "unsolicited", 0x14: "summary" };
const LIMITS = { maxStrLength: MAX, maxBinLength: MAX, maxArrayLength: 65536, maxExtLength: 0 };
class Bad extends Error { constructor(offset = null) { super(); this.offset = offset; } } class Torn extends Bad {}
const check = (good, offset, Kind = Bad) => { if (!good) throw new Kind(offset); };
const bit = (n) => (n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1);
const TABLE = Array.from({ length: 256 }, (_, n) => bit(bit(bit(bit(bit(bit(bit(bit(n)))))))));
const crc32 = (data) => ~data.reduce((crc, byte) => TABLE[(crc ^ byte) & 255] ^ (crc >>> 8), ~0) >>> 0;
const sha256 = (data) => createHash("sha256").update(data).digest();

function frameAt(data, offset) { // section 1
  check(data.length - offset >= 7, offset, Torn);
  const type = data[offset + 1], tail = offset + 7 + data.readUInt32BE(offset + 3);
  check(data[offset] === 0x94 && type < 0x80 && data[offset + 2] === 0xce && tail - offset - 7 <= MAX, offset);
  check(tail + 5 <= data.length, offset, Torn);
  check(data[tail] === 0xce && data.readUInt32BE(tail + 1) === crc32(data.subarray(offset, tail)), offset);
  return { offset, type, body: data.subarray(offset + 7, tail), next: tail + 5 };
}
function value(frame, more) { // section 2
  try { return decode(frame.body, { ...LIMITS, maxMapLength: frame.type === 0x14 ? 65536 : 64, ...more }); } catch { throw new Bad(frame.offset); }
}
function unpack(block) { // section 7
  const [size, packed] = value(block);
  check(size > 0 && size <= Math.min(1 << 20, 100 * packed.length), block.offset);
  const data = Buffer.from(decompress(packed, new Uint8Array(size)));
  check(data.length === size, block.offset);
  return data;
}
function* frames(data) {
  for (let offset = 0, frame; offset < data.length; offset = frame.next) {
    frame = frameAt(data, offset);
    check(frame.type >= PAGE || [1, BLOCK, END].includes(frame.type) || frame.type in { ...FIELDS, ...DERIVED }, offset);
    if (frame.type !== BLOCK) yield frame;
    else for (let raw = unpack(frame), at = 0, inner; at < raw.length; at = inner.next) yield { ...(inner = frameAt(raw, at)), offset };
  }
}
function body(record, window, offset) { // section 5; a journal has no window
  if (Number.isInteger(record.b)) { check(window?.has(record.b), offset); return window.get(record.b); }
  const size = Buffer.from(record.b).length;
  if (window && size >= 64 && size <= 16384) window.set(record.n, record.b);
  if (window?.size > 4096) window.delete(window.keys().next().value);
  return record.b;
}
function shown(item) {
  if (Array.isArray(item)) return item.map(shown);
  if (typeof item !== "string" && !(item instanceof Uint8Array)) return item;
  const raw = Buffer.from(item);
  if (raw.length > 1000) return { size: raw.length, sha256: sha256(raw).toString("hex") };
  return typeof item === "string" ? item : { hex: raw.toString("hex") };
}
function find(data, name, wanted) { // section 8
  const has = (row) => [...Object.entries(row.keys), ["operation", row.op], ...row.ev.map((event) => ["channel", event[2]])]
    .some(([key, item]) => key === name && item === wanted);
  const contents = Buffer.from(value(frameAt(data, data.length - 54))).readBigUInt64BE();
  if (!contents) return [...frames(data)].filter((frame) => frame.type === 0x10).map((frame) => value(frame)).filter(has).map((row) => row.n);
  const tables = value(frameAt(data, Number(contents)), { useBigInt64: true });
  const [keys, triples] = [tables.keys.flat(), tables.triples.flat()], at = (offset, inner = 0, frame = frameAt(data, Number(offset))) => value(frame.type === BLOCK ? frameAt(unpack(frame), Number(inner)) : frame);
  const page = ([, offset]) => Buffer.from(at(offset));
  const hash = sha256(Buffer.from(`${name}\0${wanted}`)).readBigUInt64BE();
  const from = Math.max(keys.findLastIndex(([first]) => first < hash), 0), found = [];
  for (const entries of keys.slice(from).filter(([first]) => first <= hash).map(page))
    for (let at = 0; at < entries.length; at += 12) if (entries.readBigUInt64BE(at) === hash) found.push(entries.readUInt32BE(at + 8));
  return found.map((n) => {
    const address = page(triples[(n - 1) >> 13]).readBigUInt64BE(((n - 1) & 8191) * 8);
    return at(address >> 24n, address & 0xffffffn);
  }).filter(has).map((row) => row.n);
}
function readInto(seen, data, keys) {
  let header = {}, last = null;
  try { if (data[1] === 1) header = value(frameAt(data, 0)); } catch { throw new Bad(); }
  check(header.cassette === 1 && ["journal", "sealed", "archive"].includes(header.profile), null);
  seen.header = header;
  const journal = header.profile === "journal", window = journal ? null : new Map(), derived = { triples: [], plain: [], unsolicited: [] };
  try {
    for (const frame of frames(data)) {
      check(last !== END, frame.offset);
      if ((last = frame.type) in DERIVED) (derived[DERIVED[last]] ?? { push: (it) => (derived.summary = it) }).push(value(frame));
      if (!(last in FIELDS)) continue;
      const record = value(frame), full = "b" in record ? { ...record, b: body(record, window, frame.offset) } : record;
      check(record.n === seen.records.length, frame.offset);
      seen.records.push({ type: last, ...Object.fromEntries([...FIELDS[last]].map((key) => [key, shown(full[key])])) });
    }
  } catch (error) { if (error instanceof Torn && journal) seen.torn = error.offset; else throw error; }
  if (journal) return;
  check(last === END && sha256(data.subarray(0, -54)).equals(data.subarray(-37, -5)), null);
  Object.assign(seen, derived);
  for (const key of keys) seen.find[key] = find(data, key.split("=")[0], key.slice(key.indexOf("=") + 1));
}
const seen = { header: null, torn: null, error: null, records: [], triples: [], plain: [], unsolicited: [], summary: null, find: {} };
try { readInto(seen, readFileSync(process.argv[2]), process.argv.slice(3)); }
catch (error) { if (error instanceof Bad) seen.error = { offset: error.offset }; else throw error; }
console.log(JSON.stringify({ ...seen, counts: [seen.records.length, seen.triples.length] }));
