import { changed } from "@/api/query";
import { done } from "@/parts/messages";

/** Says what was done, and forgets what depends on which release answers. */
export function moved(text: string, undo?: () => void): void {
  changed("releases", "routes", "spend");
  done(text, undo);
}
