// Which findings have all words of a text in what the page prints of them. What differs from row to row is one text for each
// rule, made in the background; what many rows share is looked through once.
const findingSearch = (() => {
  const {data, total, groups, flagsOf, placeOf, setOf, localOf, verdictOf, imageSet, headline, idOf, show} = findings;
  const SLICE = 1000;
  const texts = groups.map(() => ({parts: [], ends: null, text: ""}));
  const rowOfId = new Map();
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
    return {
      listed: every.filter(([column]) => isListed(column)).map(([column, read, words]) => ({column, read, values: (column.d ?? [column.c]).map(words)})),
      own: every.filter(([column]) => !isListed(column)).map(([, read]) => read),
    };
  });

  function textOfRow(r, g) {
    const i = localOf[r], [target] = data.places[placeOf[r]], set = imageSet(setOf[r]), id = idOf(r);
    rowOfId.set(id, r);
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

  function mark(hits, word, index) {
    const g = groups[index], {begin, n} = g;
    if (ofGroup[index].includes(word)) return hits.fill(1, begin, begin + n);
    const places = ofPlace.map((text) => text.includes(word));
    const waivers = new Set([...ofWaiver].filter(([, text]) => text.includes(word)).map(([number]) => number));
    const verdicts = ["fail", "unknown", "waived"].filter((verdict) => verdict.includes(word));
    if (places.some(Boolean)) for (let r = begin; r < begin + n; r++) if (places[placeOf[r]]) hits[r] = 1;
    if (waivers.size) for (let r = begin; r < begin + n; r++) if (waivers.has(g.at.waiver(localOf[r]))) hits[r] = 1;
    if (verdicts.length) for (let r = begin; r < begin + n; r++) if (verdicts.includes(verdictOf(r))) hits[r] = 1;
    for (const {column, read, values} of columnsOf[index].listed) {
      const found = values.map((text) => text.includes(word));
      if (!found.some(Boolean)) continue;
      if (column.d === undefined || found.every(Boolean)) { hits.fill(1, begin, begin + n); return; }
      const wanted = new Set(column.d.filter((_, at) => found[at]));
      for (let i = 0; i < n; i++) if (wanted.has(read(i))) hits[begin + i] = 1;
    }
    const {text, ends} = texts[index];
    for (let at = text.indexOf(word), i = 0; at >= 0; at = text.indexOf(word, ends[i])) {
      while (ends[i] <= at) i++;
      hits[begin + i] = 1;
    }
  }

  // a number for each finding: 1 where it has all the words
  function matching(words) {
    while (!step(total));
    const all = new Uint8Array(total).fill(1);
    for (const word of words) {
      const hits = new Uint8Array(total);
      groups.forEach((_, index) => mark(hits, word, index));
      for (let r = 0; r < total; r++) all[r] &= hits[r];
    }
    return all;
  }

  function rowOf(id) {
    while (built < total && !rowOfId.has(id)) step(SLICE);
    return rowOfId.get(id) ?? -1;
  }

  return {background, matching, rowOf};
})();
