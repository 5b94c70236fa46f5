// Who is speaking: the user of a Basic Authorization header, or null. The header X-Agent goes before it: it names an
// agent in a way that a recorder cannot know of.

export function agentOf(headers) {
  if (headers?.["x-agent"] !== undefined) return headers["x-agent"];
  const encoded = /^Basic\s+(\S+)$/i.exec(headers?.authorization ?? "")?.[1];
  return encoded === undefined ? null : Buffer.from(encoded, "base64").toString("utf8").split(":", 1)[0];
}
