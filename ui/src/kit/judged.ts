/** Whether somebody took a score back: it stays on record, and counts no more. */
export function isWithdrawn(score: { metadata: object }): boolean {
  return (score.metadata as { withdrawn?: boolean }).withdrawn === true;
}

/** A guard that found nothing: most of them, and nobody looks for it. */
export function isQuiet(score: { name: string; passed: boolean | null }): boolean {
  return score.name.startsWith("guard.") && score.passed !== false;
}
