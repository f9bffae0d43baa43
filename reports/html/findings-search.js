// Which findings have all words of a text in what the page prints of them. What differs from row to row is one text for each
// rule, made in the background; what many rows share is looked through once.
const findingSearch = (() => {
  const {data, total, groups, flagsOf, placeOf, setOf, localOf, verdictOf, imageSet, headline, idOf, show, dictionary} = findings;
  const SLICE = 1000;
  const texts = groups.map(() => ({parts: [], ends: null, text: ""}));
  let built = 0, group = 0;

  const lower = (parts) => parts.filter((part) => part !== null && part !== undefined && part !== "").join("\n").toLowerCase();
  const ofGroup = groups.map((g) => lower([
    g.name, g.title, g.severity, g.expected, g.where, g.why, g.fix, g.caveat, g.owner, ...g.tags, " = ",
    ...g.controls.flatMap(([framework, id, title]) => [`${framework} ${id}`, data.frameworks[framework], title]),
    ...g.excerpt.map(([number, text]) => `${number} ${text}`), ...g.observed.map(([path]) => path), ...g.labels.map(([name]) => name),
  ]));
  const ofPlace = data.places.map(([target, account, region, datastore]) => lower([target, account, data.accounts[account], region, datastore]));
  const ofWaiver = new Map(Object.entries(data.waivers).map(([number, waiver]) => [Number(number), lower([waiver.owner, waiver.approved_by, waiver.reason, waiver.expires, waiver.where])]));
  const textOf = (value) => (Array.isArray(value) ? value.join(", ") : show(value)).toLowerCase();
  const isListed = (column) => column.d !== undefined || column.i === undefined;
  // the message's pieces are in the text of its row
  const NAMES = ["version", "reason", "note", "waiverNote", "calls", "collected", "reused", "first", "firstRun", "change", "causes"];
  const columnsOf = groups.map((g) => {
    // where there is nothing, "(absent)" is printed of what was observed alone
    const said = (value) => (value === null ? "" : textOf(value));
    const every = [...NAMES.map((name) => [g.columns[name], g.at[name], said]), ...g.observed.map(([, column], n) => [column, g.seen[n][1], textOf]), ...g.labels.map(([name, column]) => [column, g.labelAt[name], said])];
    const listed = every.filter(([column]) => isListed(column)).map(([column, , words]) => ({column, words: (column.d ?? [column.c]).map(words), indexes: null}));
    return {
      constant: listed.filter(({column}) => !column.d).flatMap(({words}) => words).join("\n"),
      listed: listed.filter(({column}) => column.d),
      own: every.filter(([column]) => !isListed(column)).map(([, read]) => read),
    };
  });

  function textOfRow(r, g) {
    const i = localOf[r], [target] = data.places[placeOf[r]], set = imageSet(setOf[r]), id = idOf(r);
    const version = g.at.version(i);
    const name = `${target}/${set ?? data.places[placeOf[r]][3] ?? ""}${version === null ? "" : `@v${version}`}`;
    let text = `${id}\n${name}\n${headline(r)}`;
    for (const read of columnsOf[group].own) { const value = read(i); if (value !== null) text += `\n${value}`; }
    return text;
  }

  // some more rows; true when there are none left
  function step(most) {
    for (let n = 0; n < most && built < total; n++, built++) {
      while (built >= groups[group].begin + groups[group].n) group++;
      texts[group].parts.push(textOfRow(built, groups[group]));
    }
    if (built < total) return false;
    for (const own of texts) {
      if (own.ends || !own.parts.length) continue;
      own.ends = new Uint32Array(own.parts.length);
      let end = 0;
      own.parts.forEach((part, i) => { end += part.length + 1; own.ends[i] = end; });
      const joined = own.parts.join("\x01"), small = joined.toLowerCase();
      // a few letters are longer in lower case, which would shift what comes after them
      own.text = small.length === joined.length ? small : own.parts.map((part) => part.toLowerCase().slice(0, part.length).padEnd(part.length)).join("\x01");
      own.parts = [];
    }
    return true;
  }

  function background(done) {
    const more = () => (step(SLICE) ? done() : setTimeout(more));
    more();
  }

  // what a word is found in, of what many rows of a group share; null where that is something which all of them have
  function shared(word, index) {
    const g = groups[index], {constant, listed} = columnsOf[index];
    if (ofGroup[index].includes(word) || constant.includes(word)) return null;
    const tests = [];
    const places = ofPlace.map((text) => text.includes(word));
    if (places.some(Boolean)) tests.push((r) => places[placeOf[r]]);
    const waivers = new Set([...ofWaiver].filter(([, text]) => text.includes(word)).map(([number]) => number));
    if (waivers.size) tests.push((r) => waivers.has(g.at.waiver(localOf[r])));
    const verdicts = ["fail", "unknown", "waived"].filter((verdict) => verdict.includes(word));
    if (verdicts.length) tests.push((r) => verdicts.includes(verdictOf(r)));
    for (const own of listed) {
      const found = own.words.map((text) => text.includes(word));
      if (!found.some(Boolean)) continue;
      if (found.every(Boolean)) return null;
      own.indexes ??= dictionary(own.column, g.n).indexes;
      tests.push((r) => found[own.indexes[localOf[r]]]);
    }
    return tests;
  }

  // takes the rows of a group that have not got a word out of `hits`, of which `left` are in it; the number that stay
  function narrow(hits, word, index, left) {
    const {begin, n} = groups[index], {text, ends} = texts[index], tests = shared(word, index);
    if (tests === null) return left;
    let stay = 0;
    const has = (r) => tests.some((test) => test(r));
    if (left < n / 8) {
      for (let i = 0; i < n; i++) {
        if (!hits[begin + i]) continue;
        if (has(begin + i) || text.slice(i ? ends[i - 1] : 0, ends[i]).includes(word)) stay++; else hits[begin + i] = 0;
      }
      return stay;
    }
    // one look through all texts is faster than one at each
    let at = text.indexOf(word);
    for (let i = 0; i < n; i++) {
      const there = at >= 0 && at < ends[i];
      if (hits[begin + i]) { if (there || (tests.length && has(begin + i))) stay++; else hits[begin + i] = 0; }
      if (there) at = text.indexOf(word, ends[i]);
    }
    return stay;
  }

  // a number for each finding: 1 where it has all the words
  function matching(words) {
    while (!step(total));
    const hits = new Uint8Array(total).fill(1);
    // a long one leaves few rows for the others
    const ordered = [...new Set(words)].sort((a, b) => b.length - a.length);
    groups.forEach(({n}, index) => {
      let left = n;
      for (const word of ordered) {
        left = narrow(hits, word, index, left);
        if (!left) break;
      }
    });
    return hits;
  }

  return {background, matching};
})();
