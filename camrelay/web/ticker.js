// A worker that ticks: told a number of ms, it answers as often.

onmessage = ({ data }) => setInterval(() => postMessage(null), data);
