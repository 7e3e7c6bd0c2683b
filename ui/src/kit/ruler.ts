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

export interface Label {
  text: string;
  /** Of its line, in per cent of the view. */
  at: number;
  /** Its words stand before its line: behind it they would run out of sight. */
  isBefore: boolean;
}

const MOST = 10;
/** Between two labels. */
const GAP_PX = 8;

/** As many round marks as there is room for with their words, in reading order; none touches another. */
export function labels(
  view: Stretch,
  width_px: number,
  said: (us: number) => string,
  wide_px: (text: string) => number,
): Label[] {
  for (let most = MOST; most > 0; most--) {
    const found = marks(view, most).map((us) => ({ us, text: said(us) }));
    const widest = Math.max(...found.map((one) => wide_px(one.text)));
    const [first, second] = found;
    const step = first && second ? ((second.us - first.us) / (view[1] - view[0])) * width_px : 0;
    if (step >= widest + GAP_PX || most === 1) return apart(found, view, width_px, wide_px);
  }
  return [];
}

/** Those that have their place and say something new, the first ones first. */
function apart(
  found: readonly { us: number; text: string }[],
  view: Stretch,
  width_px: number,
  wide_px: (text: string) => number,
): Label[] {
  const kept: Label[] = [];
  let free = 0;
  for (const { us, text } of found) {
    const share = (us - view[0]) / (view[1] - view[0]);
    const [line, wide] = [share * width_px, wide_px(text)];
    const isBefore = line + wide > width_px;
    const from = isBefore ? line - wide : line;
    if (from < free || text === kept.at(-1)?.text) continue;
    kept.push({ text, at: 100 * share, isBefore });
    free = from + wide + GAP_PX;
  }
  return kept;
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
