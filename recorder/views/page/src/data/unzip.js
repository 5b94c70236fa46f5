// The reverse of `packed` in recorder/views/pages/blocks.py.

/** The JSON value of base64 of what gzip packed. Its objects have fixed names: what is a stranger's stands in it as text. */
export async function unzipped(base64) {
  const characters = atob(base64);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = characters.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}
