// Who is speaking: the user of a Basic Authorization header, or null.

export function agentOf(headers) {
  const encoded = /^Basic\s+(\S+)$/i.exec(headers?.authorization ?? "")?.[1];
  return encoded === undefined ? null : Buffer.from(encoded, "base64").toString("utf8").split(":", 1)[0];
}
