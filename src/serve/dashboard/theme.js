// Runs before anything is drawn, so that a chosen theme does not flash in the other's colours.
// Nothing chosen: the browser's own preference decides (style.css).
{
  const chosen = localStorage.getItem('qvdhouse.theme');
  if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset.theme = chosen;
}
