import { Link } from "wouter";
import { Frame } from "@/parts/frame";

export function Nowhere() {
  return (
    <Frame title="There is no such page">
      <p style={{ padding: 16 }}>
        The address leads nowhere. <Link href="/traces">Go to the traces</Link>, or press{" "}
        <kbd>Ctrl K</kbd> to find a page.
      </p>
    </Frame>
  );
}
