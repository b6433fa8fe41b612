// The theme that was chosen, before anything is drawn: else the page would flash.
try {
  const theme = localStorage.getItem("bridge-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* a browser that keeps nothing */ }
