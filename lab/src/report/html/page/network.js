// The tree: the links that carried the group, away from its sources.
const groups = [...new Set(spans.flatMap(span => Object.keys(span.carried))
  .concat(data.sources.flatMap(source => source.groups), data.receivers.flatMap(receiver => receiver.groups)))]
  .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
function carried() {
  const chosen = state.step === null ? spans : [spans[state.step]].filter(Boolean);
  const sum = new Map();
  for (const span of chosen) for (const [link, count] of Object.entries(span.carried[state.group] || {}))
    sum.set(link, (sum.get(link) || 0) + count);
  return sum;
}
function away(links) {
  const depth = new Map();
  const queue = [];
  for (const source of data.sources) if (source.groups.includes(state.group) && !depth.has(source.at)) {
    depth.set(source.at, 0);
    queue.push(source.at);
  }
  while (queue.length) {
    const node = queue.shift();
    for (const link of links) if (link.ends.includes(node)) for (const next of link.ends) if (!depth.has(next)) {
      depth.set(next, depth.get(node) + 1);
      queue.push(next);
    }
  }
  return depth;
}
function arrow(svg, line, forward) {
  const [x1, y1, x2, y2] = ['x1', 'y1', 'x2', 'y2'].map(key => parseFloat(line.getAttribute(key)));
  const [dx, dy] = forward ? [x2 - x1, y2 - y1] : [x1 - x2, y1 - y2];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const [x, y] = [(x1 + x2) / 2 + ux * 9, (y1 + y2) / 2 + uy * 9];
  const points = [[x, y], [x - ux * 17 - uy * 8, y - uy * 17 + ux * 8], [x - ux * 17 + uy * 8, y - uy * 17 - ux * 8]];
  const shape = draw(svg, 'polygon', { class: 'arrow', points: points.map(point => point.map(n => n.toFixed(1)).join(',')).join(' ') });
  line.after(shape);
}
function network() {
  const bar = at('groups');
  bar.replaceChildren();
  for (const group of ['', ...groups]) {
    const button = make(bar, 'button', { type: 'button', 'data-group': group, class: group === state.group ? 'picked' : '' }, group || 'no tree');
    button.addEventListener('click', () => change({ group }));
  }
  const svg = document.querySelector('svg.network');
  svg.querySelectorAll('.arrow').forEach(old => old.remove());
  const counts = carried();
  const links = data.links.filter(link => counts.has(link.name));
  const depth = away(links);
  svg.querySelectorAll('line.link').forEach(line => {
    const link = data.links[line.dataset.link];
    const one = depth.get(Number(line.dataset.nodeA));
    const other = line.dataset.nodeB === '' ? undefined : depth.get(Number(line.dataset.nodeB));
    const carries = state.group !== '' && counts.has(link.name);
    const nearest = Math.min(...link.ends.map(end => depth.has(end) ? depth.get(end) : Infinity));
    line.classList.toggle('carries', carries);
    if (!carries || one === undefined) return;
    if (line.dataset.nodeB === '') arrow(svg, line, one === nearest);
    else if (other !== undefined && one !== other) arrow(svg, line, one < other);
  });
  svg.querySelectorAll('g.wire, g.segment').forEach(label => {
    const link = data.links[label.dataset.link];
    const carries = state.group !== '' && counts.has(link.name);
    const text = label.querySelector('text');
    text.classList.toggle('carries', carries && !link.segment);
    text.textContent = link.segment ? link.name : carries ? String(counts.get(link.name)) : link.net;
  });
  const words = state.filter.toLowerCase().split(/[\s,]+/).filter(Boolean);
  svg.querySelectorAll('g.node').forEach(node => {
    node.classList.toggle('picked', words.includes(data.nodes[node.dataset.node].name.toLowerCase()));
  });
  const which = state.step === null ? 'in the whole run' : 'in step ' + (state.step + 1);
  at('tree-note').textContent = state.group === '' ? 'Choose a group to see which links carried it.'
    : counts.size ? state.group + ': the links that carried it ' + which + ', in packets.'
    : state.group + ': no link carried it ' + which + '.';
}
