/** Whether somebody took a score back: it stays on record, and counts no more. */
export function isWithdrawn(score: { metadata: object }): boolean {
  return (score.metadata as { withdrawn?: boolean }).withdrawn === true;
}
