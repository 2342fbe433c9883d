// Latencies: a histogram for each receiver and source, on one axis for all.
const PAIRS = 24;
const CELL = { width: 420, height: 150, left: 34, right: 10, top: 14, bottom: 24 };
function pairs() {
  const all = new Map();
  spans.forEach((span, index) => span.rows.filter(row => row.latencies).forEach(row => {
    const key = row.receiver + ' ' + row.source;
    if (!all.has(key)) all.set(key, { receiver: row.receiver, source: row.source, rows: new Map(), whole: new Map(), count: 0 });
    const pair = all.get(key);
    pair.rows.set(index, row);
    for (const [from, to, count] of row.latencies) {
      pair.whole.set(from, [from, to, (pair.whole.get(from) || [0, 0, 0])[2] + count]);
      pair.count += count;
    }
  }));
  return [...all.values()];
}
function latencyAxis(all) {
  const bars = all.flatMap(pair => [...pair.whole.values()]);
  const low = Math.floor(Math.log10(Math.max(1, Math.min(...bars.map(bar => bar[0])))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...bars.map(bar => bar[1])))));
  const most = Math.max(...bars.map(bar => bar[2]));
  const wide = CELL.width - CELL.left - CELL.right, tall = CELL.height - CELL.top - CELL.bottom;
  return { low, high, top: Math.max(1, Math.ceil(Math.log10(most))),
    x: ns => CELL.left + (Math.log10(Math.max(ns, 1)) - low) / (high - low) * wide,
    // One packet still has a height: the scale begins below it.
    y(count) { return CELL.top + tall - (Math.log10(count) + 0.3) / (this.top + 0.3) * tall; },
    base: CELL.top + tall };
}
function latencyGrid(svg, axis) {
  const steps = axis.high - axis.low > 2 ? [1] : [1, 2, 5];
  for (let power = axis.low; power <= axis.high; power += 1) for (const factor of steps) {
    const ns = factor * Math.pow(10, power), x = axis.x(ns);
    if (power === axis.high && factor > 1) continue;
    draw(svg, 'line', { class: 'ruled', x1: x, x2: x, y1: CELL.top, y2: axis.base });
    const label = time(ns / 1e9).replace(/\.0+ /, ' ');
    draw(svg, 'text', { x, y: CELL.height - 8, 'text-anchor': power === axis.high ? 'end' : 'middle' }, label);
  }
  const every = Math.ceil(axis.top / 4);
  for (let power = 0; power <= axis.top; power += every) {
    const count = Math.pow(10, power), y = axis.y(count);
    draw(svg, 'line', { class: 'ruled', x1: CELL.left, x2: CELL.width - CELL.right, y1: y, y2: y });
    draw(svg, 'text', { x: CELL.left - 4, y: y + 3.5, 'text-anchor': 'end' }, power < 3 ? count : power < 6 ? count / 1e3 + 'k' : count / 1e6 + 'M');
  }
}
function latencyBars(svg, axis, bars, kind) {
  for (const [from, to, count] of bars) {
    const x = axis.x(from), y = axis.y(count);
    const bar = draw(svg, 'rect', { class: 'bar ' + kind, x, y, width: Math.max(axis.x(to) - x - 0.6, 1), height: axis.base - y, 'data-count': count });
    draw(bar, 'title', {}, `${time(from / 1e9)} to ${time(to / 1e9)}: ${count} packets`);
  }
}
function histogram(place, pair, axis) {
  const row = state.step === null ? undefined : pair.rows.get(state.step);
  const cell = make(place, 'figure', { 'data-receiver': pair.receiver, 'data-source': pair.source });
  const caption = make(cell, 'figcaption');
  make(caption, 'b', {}, `${pair.receiver} ← ${pair.source}`);
  const rows = [...pair.rows.values()].map(one => one.latency);
  const span = key => (key === 'min' ? Math.min : Math.max)(...rows.map(told => told[key + '_ns']));
  make(caption, 'span', { class: 'fact' }, row
    ? '  ' + ['p50', 'p99', 'max'].map(key => key + ' ' + time(row.latency[key + '_ns'] / 1e9)).join('  ')
    : `  ${pair.count} packets, ${time(span('min') / 1e9)} to ${time(span('max') / 1e9)}`);
  const svg = draw(cell, 'svg', { viewBox: `0 0 ${CELL.width} ${CELL.height}`, role: 'img', 'aria-label': `Latencies of ${pair.receiver} from ${pair.source}` });
  latencyGrid(svg, axis);
  latencyBars(svg, axis, pair.whole.values(), row ? 'rest' : 'now');
  if (!row) return;
  const bad = !['pass', 'skip'].includes(data.run.steps[state.step].outcome);
  latencyBars(svg, axis, row.latencies, bad ? 'now bad' : 'now');
  for (const key of ['p50', 'p99']) {
    const x = axis.x(row.latency[key + '_ns']);
    draw(svg, 'line', { class: 'quantile', x1: x, x2: x, y1: CELL.top - 2, y2: axis.base });
    draw(svg, 'text', { class: 'quantile', x: key === 'p50' ? x - 3 : x + 3, y: CELL.top - 4, 'text-anchor': key === 'p50' ? 'end' : 'start' }, key);
  }
}
function histograms() {
  const place = at('latencies');
  place.replaceChildren();
  const all = pairs();
  const shown = all.filter(pair => state.step === null || pair.rows.has(state.step));
  shown.sort((one, other) => other.count - one.count);
  const what = state.step === null ? 'Packets of the whole run by latency'
    : `Packets by latency: those of step ${state.step + 1} over those of the whole run`;
  at('latency-note').textContent = !all.length ? 'No latency was measured.'
    : !shown.length ? `Nothing arrived in step ${state.step + 1}.`
    : what + ', both axes logarithmic.' + (shown.length > PAIRS ? ` The ${PAIRS} of ${shown.length} with the most packets are drawn.` : '');
  if (!shown.length) return;
  const axis = latencyAxis(all);
  for (const pair of shown.slice(0, PAIRS)) histogram(place, pair, axis);
}
