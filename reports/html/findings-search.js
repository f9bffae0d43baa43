// Which findings have all words of a text in what the page prints of them. What differs from row to row is one text for each
// rule, made in the background; what many rows share is looked through once.
const findingSearch = (() => {
  const {data, total, groups, FLAGS, flagsOf, placeOf, setOf, localOf, verdictOf, imageSet, headline, idOf, show, ago, dictionary} = findings;
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
  const NAMES = ["version", "reason", "note", "waiverNote", "calls", "collected", "reused", "firstRun", "change", "causes"];
  const columnsOf = groups.map((g) => {
    // where there is nothing, "(absent)" is printed of what was observed alone
    const said = (value) => (value === null ? "" : textOf(value)), since = (value) => (value === null ? "not known" : `${value} ${ago(value)}`.toLowerCase());
    const every = [...NAMES.map((name) => [g.columns[name], g.at[name], said]), [g.columns.first, g.at.first, since], ...g.observed.map(([, column], n) => [column, g.seen[n][1], textOf]), ...g.labels.map(([name, column]) => [column, g.labelAt[name], said])];
    const listed = every.filter(([column]) => isListed(column)).map(([column, , words]) => ({column, words: (column.d ?? [column.c]).map(words), indexes: null}));
    return {
      constant: listed.filter(({column}) => !column.d).flatMap(({words}) => words).join("\n"),
      listed: listed.filter(({column}) => column.d),
      own: every.filter(([column]) => !isListed(column)).map(([, read, words]) => (i) => words(read(i))),
    };
  });

  function textOfRow(r, g) {
    const i = localOf[r], [target] = data.places[placeOf[r]], set = imageSet(setOf[r]), id = idOf(r);
    const version = g.at.version(i), pinned = flagsOf[r] & FLAGS.pinned && g.scope === "image_set" ? ", pinned" : "";
    const name = `${target}/${set ?? data.places[placeOf[r]][3] ?? ""}${version === null ? "" : `@v${version} version ${version}${pinned}`}`;
    let text = `${id}\n${name}\n${headline(r)}`;
    for (const words of columnsOf[group].own) { const said = words(i); if (said) text += `\n${said}`; }
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

  // marks in `found` the rows of a group that have a word in what many rows share; true where all of them have it there
  function mark(found, word, index) {
    const g = groups[index], {begin, n} = g, {constant, listed} = columnsOf[index];
    if (ofGroup[index].includes(word) || constant.includes(word)) return true;
    const places = Uint8Array.from(ofPlace, (text) => text.includes(word));
    if (places.includes(1)) for (let i = 0; i < n; i++) found[i] |= places[placeOf[begin + i]];
    const waivers = new Set([...ofWaiver].filter(([, text]) => text.includes(word)).map(([number]) => number));
    if (waivers.size) for (let i = 0; i < n; i++) if (waivers.has(g.at.waiver(i))) found[i] = 1;
    const verdicts = ["fail", "unknown", "waived"].filter((verdict) => verdict.includes(word));
    if (verdicts.length) for (let i = 0; i < n; i++) if (verdicts.includes(verdictOf(begin + i))) found[i] = 1;
    for (const own of listed) {
      const there = Uint8Array.from(own.words, (text) => text.includes(word));
      if (!there.includes(1)) continue;
      if (!there.includes(0)) return true;
      const indexes = own.indexes ??= dictionary(own.column, n).indexes;
      for (let i = 0; i < n; i++) found[i] |= there[indexes[i]];
    }
    return false;
  }

  // takes the rows of a group that have not got a word out of `hits`, of which `left` are in it; the number that stay
  function narrow(hits, word, index, left) {
    const {begin, n} = groups[index], {text, ends} = texts[index], found = new Uint8Array(n);
    if (mark(found, word, index)) return left;
    if (left < n / 8) {
      for (let i = 0; i < n; i++) if (hits[begin + i] && !found[i] && text.slice(i ? ends[i - 1] : 0, ends[i]).includes(word)) found[i] = 1;
    } else {
      // one look through all texts is faster than one at each
      for (let i = 0, at = text.indexOf(word); at >= 0; at = text.indexOf(word, ends[i])) {
        while (ends[i] <= at) i++;
        found[i] = 1;
      }
    }
    let stay = 0;
    for (let i = 0; i < n; i++) stay += hits[begin + i] &= found[i];
    return stay;
  }

  // a number for each finding: 1 where it has all the words. What a text with more letters finds is among what it found without
  let last = {words: [], hits: null};
  function matching(words) {
    while (!step(total));
    const given = [...new Set(words)], same = last.hits && given.length === last.words.length && given.every((word) => last.words.includes(word));
    if (same) return last.hits;
    const goesOn = last.hits && last.words.every((before) => given.some((word) => word.includes(before)));
    const hits = goesOn ? last.hits.slice() : new Uint8Array(total).fill(1);
    // a long one leaves few rows for the others
    const ordered = given.filter((word) => !(goesOn && last.words.includes(word))).sort((a, b) => b.length - a.length);
    groups.forEach(({begin, n}, index) => {
      let left = 0;
      for (let r = begin; r < begin + n; r++) left += hits[r];
      for (const word of ordered) {
        if (!left) break;
        left = narrow(hits, word, index, left);
      }
    });
    last = {words: given, hits};
    return hits;
  }

  return {background, matching};
})();
