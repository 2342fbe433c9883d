// The ledger.
function latency(cell, told, scale) {
  if (!told) return;
  const wide = 190;
  const place = value => Math.log10(Math.max(value, scale[0]) / scale[0]) / (Math.log10(scale[1] / scale[0]) || 1) * (wide - 12) + 6;
  const svg = draw(cell, 'svg', { width: wide, height: 18, role: 'img', class: 'latency' });
  const line = (from, to, size, colour) => draw(svg, 'rect', { x: place(from), y: 9 - size / 2, width: Math.max(place(to) - place(from), 2), height: size, rx: 2, fill: colour });
  line(told.min_ns, told.max_ns, 2, '#8a94a6');
  line(told.p50_ns, told.p99_ns, 6, '#8db4ea');
  line(told.p50_ns, told.p90_ns, 10, '#2f6fd0');
  draw(svg, 'circle', { cx: place(told.max_ns), cy: 9, r: 3, fill: '#b3261e' });
  draw(svg, 'title', {}, ['min', 'p50', 'p90', 'p99', 'p999', 'max'].map(key => key + ' ' + time(told[key + '_ns'] / 1e9)).join('  '));
  make(cell, 'span', { class: 'fact' }, ' ' + ['p50', 'p99', 'max'].map(key => key + ' ' + time(told[key + '_ns'] / 1e9)).join(', '));
}
// Where the time of an outage went.
function spent(budget) {
  if (!budget) return '';
  const reached = ['noticed', 'joined', 'forwarded'].filter(key => budget[key]).map(key => key + ' ' + time(budget[key].after_ns / 1e9) + ' (' + budget[key].node + ')');
  return [...reached, 'arrived ' + time(budget.arrived_ns / 1e9)].join(', ');
}
function ledger() {
  const table = at('ledger');
  table.replaceChildren();
  const all = spans.flatMap(span => span.rows).map(row => row.latency).filter(Boolean);
  const scale = [Math.max(1, Math.min(...all.map(told => told.min_ns))), Math.max(2, ...all.map(told => told.max_ns))];
  const head = make(make(table, 'thead'), 'tr');
  for (const [word, number] of [['Receiver', 0], ['Source', 0], ['Sent', 1], ['Received', 1], ['Lost', 1], ['Twice', 1], ['Out of order', 1],
    ['First after', 1], ['Longest gap', 1], ['Outage', 1], ['Join', 1], ['Leave', 1], ['Lost at', 0], ['Latency', 0]]) make(head, 'th', number ? { class: 'number' } : {}, word);
  const body = make(table, 'tbody');
  spans.forEach((span, index) => {
    if (!span.rows.length || (state.step !== null && state.step !== index)) return;
    const title = make(body, 'tr', { class: 'step-row' });
    const after = span.faults.length ? ', after ' + span.faults.join(', ') : '';
    make(title, 'td', { colspan: 14 }, (index + 1) + ' ' + data.run.steps[index].title + after);
    for (const told of span.rows) {
      const row = make(body, 'tr');
      make(row, 'td', {}, told.receiver);
      make(row, 'td', {}, told.source);
      for (const key of ['sent', 'received', 'lost', 'duplicated', 'reordered'])
        make(row, 'td', { class: 'number' + (told[key] && ['lost', 'duplicated', 'reordered'].includes(key) ? ' bad' : '') }, told[key]);
      make(row, 'td', { class: 'number' }, told.first_ns === null ? '' : time(told.first_ns / 1e9));
      make(row, 'td', { class: 'number' }, told.received ? time(told.gap_ns / 1e9) : '');
      for (const key of ['outage_ns', 'join_ns', 'leave_ns'])
        make(row, 'td', { class: 'number', title: key === 'outage_ns' ? spent(told.budget) : '' }, told[key] === undefined ? '' : time(told[key] / 1e9));
      make(row, 'td', {}, told.lost_at || '');
      latency(make(row, 'td'), told.latency, scale);
    }
  });
  if (!body.children.length) make(make(body, 'tr'), 'td', { class: 'fact', colspan: 14 }, 'Nothing was sent to a receiver of its group.');
}
