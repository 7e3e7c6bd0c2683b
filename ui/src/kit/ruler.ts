/** A stretch of time on a line: where things stand on it, and the marks it is read by. */
import type { Stretch } from "./critical";

const STEPS = [1, 2, 5, 10];
const SIXTIES = [1, 2, 5, 10, 15, 30, 60];
const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;

/** Round marks within a stretch, at most as many as asked for; microseconds from the first span. */
export function marks([from, to]: Stretch, most: number): number[] {
  const width = to - from;
  if (!(width > 0) || most < 1) return [];
  const step = stepOf(width / most);
  const first = Math.ceil(from / step);
  const count = Math.floor(to / step) - first + 1;
  return Array.from({ length: Math.min(Math.max(0, count), most + 1) }, (_, index) => {
    return (first + index) * step;
  });
}

/** The least round step that is not shorter: in tens, and of minutes in parts of an hour. */
function stepOf(least: number): number {
  if (least > MINUTE / 2 && least <= HOUR)
    return MINUTE * (SIXTIES.find((times) => MINUTE * times >= least) ?? 60);
  const unit = least > HOUR ? HOUR : 1;
  const size = unit * 10 ** Math.floor(Math.log10(least / unit));
  return size * (STEPS.find((times) => size * times >= least) ?? 10);
}

/** Left end and width of a stretch in per cent of what is looked at; null where it is out of sight. */
export function placed(one: Stretch, view: Stretch): { left: number; width: number } | null {
  const whole = view[1] - view[0] || 1;
  const from = Math.max(one[0], view[0]);
  const to = Math.min(one[1], view[1]);
  if (to < from || one[1] < view[0] || one[0] > view[1]) return null;
  return { left: (100 * (from - view[0])) / whole, width: (100 * (to - from)) / whole };
}

/** A view that is `times` as wide about the middle of a stretch, within the whole. */
export function zoomed(view: Stretch, about: number, times: number, whole: number): Stretch {
  const width = Math.min(Math.max((view[1] - view[0]) * times, 1), whole);
  const share = (about - view[0]) / (view[1] - view[0] || 1);
  const from = Math.min(Math.max(0, about - share * width), whole - width);
  return [from, from + width];
}
