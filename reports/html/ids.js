"use strict";
// The ids of findings, as checker/reporting/normal.py makes them: the start of a SHA-256. The browser's own needs https.
const findingId = (() => {
  const ROUNDS = new Uint32Array(64), START = new Uint32Array(8), words = new Uint32Array(64);
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n && prime; d++) prime = n % d !== 0;
    if (!prime) continue;
    const fraction = (root) => (root - Math.floor(root)) * 2 ** 32;
    if (found < 8) START[found] = fraction(Math.sqrt(n));
    ROUNDS[found++] = fraction(Math.cbrt(n));
  }
  const turn = (x, n) => (x >>> n) | (x << (32 - n));

  function block(state, bytes, at) {
    for (let i = 0; i < 16; i++) words[i] = (bytes[at + i * 4] << 24) | (bytes[at + i * 4 + 1] << 16) | (bytes[at + i * 4 + 2] << 8) | bytes[at + i * 4 + 3];
    for (let i = 16; i < 64; i++) {
      const x = words[i - 15], y = words[i - 2];
      words[i] = words[i - 16] + words[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => { state[i] += value; });
  }

  // of ASCII alone: the page is given the ids of any other names
  return (identity) => {
    const text = `[${identity.map((part) => JSON.stringify(part)).join(", ")}]`;
    const bytes = new Uint8Array(((text.length + 72) >> 6) << 6), state = START.slice();
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    bytes[text.length] = 128;
    new DataView(bytes.buffer).setUint32(bytes.length - 4, text.length * 8);
    for (let at = 0; at < bytes.length; at += 64) block(state, bytes, at);
    return [state[0], state[1]].map((word) => word.toString(16).padStart(8, "0")).join("");
  };
})();
