"use strict";
const hexOf = (() => {
  const BYTES = Array.from({length: 256}, (_, byte) => byte.toString(16).padStart(2, "0"));
  return (word) => BYTES[word >>> 24] + BYTES[(word >>> 16) & 255] + BYTES[(word >>> 8) & 255] + BYTES[word & 255];
})();

// The ids of findings, as checker/reporting/normal_form.py makes them: the start of a SHA-256. The browser's own needs https.
const findingIds = (() => {
  const ROUNDS = new Int32Array(64), START = new Int32Array(8), words = new Int32Array(64), bytes = new Uint8Array(4096);
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n && prime; d++) prime = n % d !== 0;
    if (!prime) continue;
    const fraction = (root) => (root - Math.floor(root)) * 2 ** 32;
    if (found < 8) START[found] = fraction(Math.sqrt(n));
    ROUNDS[found++] = fraction(Math.cbrt(n));
  }

  function block(state, at) {
    for (let i = 0, b = at; i < 16; i++, b += 4) words[i] = (bytes[b] << 24) | (bytes[b + 1] << 16) | (bytes[b + 2] << 8) | bytes[b + 3];
    for (let i = 16; i < 64; i++) {
      const x = words[i - 15], y = words[i - 2];
      words[i] = (words[i - 16] + words[i - 7] + (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3))
        + (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10))) | 0;
    }
    let a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (let i = 0; i < 64; i++) {
      const left = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) | 0;
      const right = ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + left) | 0; d = c; c = b; b = a; a = (left + right) | 0;
    }
    state[0] += a; state[1] += b; state[2] += c; state[3] += d; state[4] += e; state[5] += f; state[6] += g; state[7] += h;
  }

  const put = (text, at) => { for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i); };

  // of ASCII alone: the page is given the ids of any other names. What all findings of a rule in a place begin with is hashed once.
  return (rule, target, datastore) => {
    const head = `[${[rule, target, datastore].map((part) => JSON.stringify(part)).join(", ")}, `;
    const start = START.slice(), whole = head.length >> 6 << 6, rest = head.slice(whole), state = START.slice();
    put(head, 0);
    for (let at = 0; at < whole; at += 64) block(start, at);
    return (imageSet, version, into, place) => {
      const text = `${rest}${imageSet === null ? "null" : JSON.stringify(imageSet)}, ${version}]`;
      const size = ((text.length + 72) >> 6) << 6;
      bytes.fill(0, 0, size);
      put(text, 0);
      bytes[text.length] = 128;
      const bits = (whole + text.length) * 8;
      for (let i = 0; i < 4; i++) bytes[size - 1 - i] = bits >>> (8 * i);
      state.set(start);
      for (let at = 0; at < size; at += 64) block(state, at);
      into[place] = state[0];
      into[place + 1] = state[1];
    };
  };
})();
