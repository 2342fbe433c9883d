function files() {
  const names = Object.keys(data.files);
  const bar = at('files');
  bar.replaceChildren();
  for (const name of names) {
    const button = make(bar, 'button', { type: 'button', 'data-file': name, class: name === state.file ? 'picked' : '' }, name);
    button.addEventListener('click', () => change({ file: name === state.file ? '' : name }));
  }
  const file = data.files[state.file];
  at('file').textContent = !names.length ? 'No files were kept.' : !file ? 'Choose a configuration, a log or a state.'
    : (file.left_out ? `(the first ${file.left_out} bytes are left out; the file is whole in the run's folder)\n` : '') + file.text;
}

function show() {
  at('steps').querySelectorAll('li').forEach((item, index) => item.classList.toggle('picked', index === state.step));
  if (at('filter').value !== state.filter) at('filter').value = state.filter;
  network();
  kinds();
  lanes();
  list();
  ledger();
  histograms();
  files();
}
header();
steps();
read();
if (!location.hash) {
  const failed = data.run.steps.findIndex(step => !['pass', 'skip'].includes(step.outcome));
  const carrying = spans.flatMap(span => Object.keys(span.carried));
  state.group = carrying[carrying.length - 1] || '';
  if (failed >= 0 && spans[failed]) {
    Object.assign(state, around(failed));
  }
}
show();
drags();
at('filter').addEventListener('input', event => change({ filter: event.target.value }));
at('whole').addEventListener('click', () => change({ from: whole[0], to: whole[1], step: null, mark: null }));
at('out').addEventListener('click', () => {
  const half = (state.to - state.from) / 2;
  zoom(state.from - half, state.to + half);
});
document.querySelectorAll('svg.network g.node').forEach(node => node.addEventListener('click', () => {
  const name = data.nodes[node.dataset.node].name;
  change({ filter: state.filter === name ? '' : name });
}));
addEventListener('hashchange', () => { read(); show(); });
addEventListener('resize', lanes);
