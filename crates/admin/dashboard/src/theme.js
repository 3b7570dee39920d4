// Before the first paint: the reader's choice of light or dark, so that nothing flashes.

const chosen = localStorage.getItem('castmq.theme');
if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
