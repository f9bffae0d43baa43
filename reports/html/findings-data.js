// The findings in #data: columns to values. How they are packed is described in checker/reporting/page_data.py.
const findings = (() => {
  const FLAGS = {unknown: 1, waived: 2, gated: 4, ownMessage: 8, failedCall: 16, pinned: 32, fresh: 64};
  const NO_SET = 0xFFFFFFFF;  // a data store
  const NOT_RECEIVED = "(not received)";
  const COLUMNS = ["version", "reason", "note", "waiverNote", "message", "id", "waiver", "calls", "collected", "reused", "first", "firstRun", "change", "causes"];
  const data = JSON.parse(document.getElementById("data").textContent);
  const total = data.rows;

  const places = (alphabet) => {
    const found = new Uint8Array(128);
    [...alphabet].forEach((c, i) => { found[c.charCodeAt(0)] = i; });
    return found;
  };
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const DIGITS = places(`${LETTERS}${LETTERS.toLowerCase()}0123456789-_`);
  const DIGITS_85 = places(`0123456789${LETTERS}${LETTERS.toLowerCase()}!.$%,()*+-;/=[?@^_\`{|}~`);

  function digits(text, at, width) {
    let n = 0;
    for (let k = at; k < at + width; k++) n = n * 64 + DIGITS[text.charCodeAt(k)];
    return n;
  }

  const instant = (milliseconds) => new Date(milliseconds).toISOString().replace(".000Z", "Z");

  function reader(column) {
    if (column.d) return (i) => column.d[digits(column.i, i * column.w, column.w)];
    if (column.i === undefined) return () => column.c;
    return (i) => {
      const n = digits(column.i, i * column.w, column.w);
      if (n === 0) return null;
      const value = column.n + (n - 1) * column.u;
      return column.t ? instant(value) : value;
    };
  }

  // the times of a column in milliseconds, without a text in between; none is infinitely late
  function times(column) {
    const parse = (text) => (text === null ? Infinity : Date.parse(text));
    if (column.d) {
      const known = column.d.map(parse);
      return (i) => known[digits(column.i, i * column.w, column.w)];
    }
    if (column.i === undefined) { const known = parse(column.c); return () => known; }
    return (i) => {
      const n = digits(column.i, i * column.w, column.w);
      return n === 0 ? Infinity : column.n + (n - 1) * column.u;
    };
  }

  function imageSet(n) {
    if (n === NO_SET) return null;
    if (n >= data.ids.n) return data.ids.other[n - data.ids.n];
    let text = "";
    for (let k = n * 20; k < n * 20 + 20; k += 5) {
      let word = 0;
      for (let i = k; i < k + 5; i++) word = word * 85 + DIGITS_85[data.ids.hex.charCodeAt(i)];
      text += word.toString(16).padStart(8, "0");
    }
    return text;
  }

  // the number of an image set; the ids stand in order
  function setNumber(text) {
    let low = 0, high = data.ids.n - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, id = imageSet(middle);
      if (id === text) return middle;
      if (id < text) low = middle + 1; else high = middle - 1;
    }
    const other = data.ids.other.indexOf(text);
    return other < 0 ? -1 : data.ids.n + other;
  }

  const groupOf = new Uint32Array(total), localOf = new Uint32Array(total), flagsOf = new Uint8Array(total);
  const setOf = new Uint32Array(total), placeOf = new Uint32Array(total), firstOf = new Float64Array(total);
  const groups = data.groups.map((g) => ({
    ...g,
    name: `${g.pack}/${g.rule}`,
    at: Object.fromEntries(COLUMNS.map((name) => [name, reader(g[name])])),
    columns: Object.fromEntries(COLUMNS.map((name) => [name, g[name]])),
    seen: g.observed.map(([path, column]) => [path, reader(column)]),
    labelAt: Object.fromEntries(g.labels.map(([name, column]) => [name, reader(column)])),
  }));
  let next = 0;
  groups.forEach((g, index) => {
    g.begin = next;
    const flags = reader(g.flags), set = reader(g.set), place = reader(g.place), first = times(g.first);
    for (let i = 0; i < g.n; i++, next++) {
      groupOf[next] = index; localOf[next] = i; flagsOf[next] = flags(i); setOf[next] = set(i) ?? NO_SET; placeOf[next] = place(i);
      firstOf[next] = first(i);
    }
  });

  // the worst first, as checker/evaluation/finding_order.py has it; what is left equal stands in that order already
  const worst = Uint32Array.from({length: total}, (_, r) => r);
  {
    const head = new Uint32Array(total), tail = new Uint32Array(total);
    for (let r = 0; r < total; r++) {
      const g = groups[groupOf[r]];
      head[r] = (9 - g.rank) * 2 + (flagsOf[r] & FLAGS.gated ? 0 : 1);
      tail[r] = (flagsOf[r] & FLAGS.unknown ? 2 ** 20 : 0) + g.order;
    }
    worst.sort((a, b) => head[a] - head[b] || (firstOf[a] === firstOf[b] ? 0 : firstOf[a] - firstOf[b]) || tail[a] - tail[b] || a - b);
  }

  // image sets and data stores by number, and the unknowns that one unread image set causes
  const subjectOf = new Uint32Array(total), causeOf = new Int32Array(total).fill(-1), subjects = [];
  let causes = 0;
  {
    const known = new Map(), reasons = new Map();
    for (let r = 0; r < total; r++) {
      const key = placeOf[r] * 2 ** 32 + setOf[r];
      let subject = known.get(key);
      if (subject === undefined) { subject = subjects.length; known.set(key, subject); subjects.push(r); }
      subjectOf[r] = subject;
      if (!(flagsOf[r] & FLAGS.failedCall) || setOf[r] === NO_SET) continue;
      const why = `${subject} ${groups[groupOf[r]].at.reason(localOf[r])}`;
      let cause = reasons.get(why);
      if (cause === undefined) { cause = causes++; reasons.set(why, cause); }
      causeOf[r] = cause;
    }
  }

  const verdictOf = (r) => (flagsOf[r] & FLAGS.unknown ? "unknown" : flagsOf[r] & FLAGS.waived ? "waived" : "fail");  // a waived unknown stays unknown
  const isNew = (r) => Boolean(flagsOf[r] & FLAGS.fresh) && !(flagsOf[r] & FLAGS.waived);
  const show = (value) => (value === null || value === undefined ? "(absent)" : String(value.text ?? value));

  function headline(r) {
    const g = groups[groupOf[r]], i = localOf[r];
    const parts = g.at.message(i);
    if (parts.length === 1 && typeof parts[0] === "string") return parts[0];
    return parts.map((part) => (typeof part === "string" ? part : part === -1 ? imageSet(setOf[r]) : part === -2 ? g.at.version(i) : show(g.seen[part][1](i)))).join("");
  }

  function finding(r) {
    const g = groups[groupOf[r]], i = localOf[r], [target, account, region, datastore] = data.places[placeOf[r]];
    return {
      group: g, flags: flagsOf[r], verdict: verdictOf(r), target, account, region, datastore, id: imageSet(setOf[r]), version: g.at.version(i),
      observed: g.seen.map(([path, read]) => [path, read(i)]), headline: headline(r),
      reason: g.at.reason(i), note: g.at.note(i), waiverNote: g.at.waiverNote(i), calls: g.at.calls(i), collected: g.at.collected(i), reused: g.at.reused(i),
      first: g.at.first(i), firstRun: g.at.firstRun(i), change: g.at.change(i), causes: g.at.causes(i) ?? [], waiver: data.waivers[g.at.waiver(i)] ?? null,
      labels: Object.entries(g.labelAt).map(([name, read]) => [name, read(i)]).filter(([, value]) => value !== null),
    };
  }

  const hashes = new Map();
  function idOf(r) {
    const g = groups[groupOf[r]], i = localOf[r], given = g.at.id(i);
    if (given !== null) return given;
    const key = groupOf[r] * 2 ** 32 + placeOf[r];
    let hash = hashes.get(key);
    if (!hash) {
      const [target, , , datastore] = data.places[placeOf[r]];
      hash = findingIds(g.name, target, datastore);
      hashes.set(key, hash);
    }
    return hash(imageSet(setOf[r]), flagsOf[r] & FLAGS.pinned ? g.at.version(i) : null);
  }

  const ageDays = (f) => (f.first === null ? null : Math.max(0, Math.floor((Date.parse(data.as_of) - Date.parse(f.first)) / 86400000)));

  // what a count or ratio came to, as JSON holds it
  const plain = (value) => {
    const {text, ...numbers} = value?.text === undefined ? {} : value;
    return text === undefined ? (value === NOT_RECEIVED ? null : value) : numbers;
  };

  // a finding as results.json has it
  function normal(r) {
    const f = finding(r), g = f.group;
    return {
      id: idOf(r), rule: g.rule, pack: g.pack, severity: g.severity, verdict: f.flags & FLAGS.unknown ? "unknown" : "fail",
      waived: Boolean(f.flags & FLAGS.waived), gated: Boolean(f.flags & FLAGS.gated),
      target: f.target, account: f.account, region: f.region, datastoreId: f.datastore, imageSetId: f.id,
      versionId: f.version === null ? null : String(f.version), scope: g.scope, reason: f.reason,
      calls: f.calls, collectedAt: f.collected, reusedFrom: f.reused,
      change: f.change, causes: f.causes, first_seen: f.first, first_seen_run: f.firstRun, age_days: ageDays(f),
      message: f.flags & FLAGS.ownMessage ? f.headline : "", observed: Object.fromEntries(f.observed.map(([path, value]) => [path, plain(value)])), where: g.where,
      waiver: f.waiver && {number: f.waiver.number, owner: f.waiver.owner, expires: f.waiver.expires}, new: data.compared ? Boolean(f.flags & FLAGS.fresh) : null,
    };
  }

  return {
    data, total, groups, FLAGS, NO_SET, groupOf, localOf, flagsOf, setOf, placeOf, firstOf, subjectOf, causeOf, causes, subjects, worst,
    verdictOf, isNew, show, headline, finding, idOf, imageSet, setNumber, ageDays, normal, partial: total < data.total,
  };
})();
