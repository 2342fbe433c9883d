function header() {
  const run = data.run;
  const head = at('head');
  make(head, 'h1', {}, run.lab);
  make(head, 'span', { class: 'word ' + run.outcome }, run.outcome.toUpperCase());
  const counts = run.counts;
  const said = [counts.passed + ' passed'];
  for (const [key, word] of [['failed', 'failed'], ['errors', 'errors'], ['skipped', 'skipped'], ['warnings', 'warnings']])
    if (counts[key]) said.push(counts[key] + ' ' + word);
  make(head, 'span', {}, said.join(', '));
  const how = run.simulated ? 'virtual time, ' + time(run.simulated.seconds) + ', seed ' + run.seed
    : 'namespaces' + (run.rootless ? ', rootless' : '') + ', ' + time(run.seconds);
  make(head, 'span', { class: 'fact' }, how);
  make(head, 'span', { class: 'fact' }, 'run ' + run.run + ', ' + run.started.slice(0, 19).replace('T', ' ') + ' UTC');
  make(head, 'span', { class: 'fact' }, run.file);
  if (data.about) make(head, 'p', { class: 'about' }, data.about);
  for (const error of run.errors || []) make(head, 'p', { class: 'error' }, error);
}

// A step and what is shown with it.
function around(index) {
  const span = spans[index];
  const values = { step: index, mark: null };
  if (span) {
    const room = Math.max((span.to - span.from) * 0.08, 0.005);
    values.from = Math.max(whole[0], span.from - room);
    values.to = Math.min(whole[1], span.to + room);
    const groups = Object.keys(span.carried);
    if (groups.length && !groups.includes(state.group)) values.group = groups[0];
  }
  return values;
}
function pick(index) {
  change(around(index));
}
// Each run of a sweep: the event, and what came of it.
function sweep(parent, told) {
  const table = make(parent, 'table', { class: 'sweep' });
  const head = make(make(table, 'thead'), 'tr');
  for (const name of ['', 'at', 'event', 'outage']) make(head, 'th', {}, name);
  const body = make(table, 'tbody');
  for (const point of told.points) {
    const row = make(body, 'tr', { title: (point.missed || []).concat(point.again || []).join('\n') });
    make(row, 'td', { class: point.outcome === 'pass' ? '' : 'bad' }, point.event + ' ' + point.outcome);
    make(row, 'td', { class: 'number' }, time(point.seconds));
    make(row, 'td', {}, point.message);
    make(row, 'td', { class: 'number' }, point.outage_ns === undefined ? '' : time(point.outage_ns / 1e9));
  }
}
function steps() {
  data.run.steps.forEach((step, index) => {
    const bad = !['pass', 'skip'].includes(step.outcome);
    const item = make(at('steps'), 'li', bad ? { class: 'bad' } : {});
    const button = make(item, 'button', { type: 'button', class: 'step', 'data-step': index + 1 });
    make(button, 'span', { class: 'word ' + step.outcome }, step.outcome.toUpperCase());
    make(button, 'span', {}, step.title);
    make(button, 'span', { class: 'took' }, step.outcome === 'skip' ? '' : time(step.seconds));
    button.addEventListener('click', () => pick(index));
    const detail = make(item, 'div', { class: 'detail' });
    if (step.error) make(detail, 'div', { class: 'missed' }, step.error);
    for (const told of step.expectations) {
      const good = told.outcome === 'pass';
      const line = make(detail, 'div');
      if (!good) make(line, 'span', { class: 'word ' + (told.warn ? 'warn' : told.outcome) }, (told.warn ? 'warning ' : '') + told.outcome + ' ');
      make(line, 'span', {}, (told.never ? 'never ' : '') + told.about + '  ');
      make(line, 'span', { class: 'fact' }, told.measured + ' (line ' + told.line + ')');
      for (const missed of told.missed || []) make(detail, 'div', { class: 'missed' }, missed);
    }
    if (step.sweep) sweep(detail, step.sweep);
    for (const finding of step.findings || []) make(detail, 'div', { class: 'finding' }, finding);
    if (step.packets) make(detail, 'div', { class: 'fact' }, 'packets in ' + step.packets.split('/').pop());
  });
}
