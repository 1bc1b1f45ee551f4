// Tells whether a click on an open dialog is beside it. Its own edge does not close it: what is drawn there would be lost.
export function isBeside(event) {
  const { left, right, top, bottom } = event.currentTarget.getBoundingClientRect();
  const { clientX: x, clientY: y } = event;
  return event.target === event.currentTarget && (x < left || x > right || y < top || y > bottom);
}
