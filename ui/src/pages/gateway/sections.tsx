import { Sections } from "@/parts/sections";

export const EVERY_MS = 5_000;

export function GatewaySections() {
  return (
    <Sections
      label="Gateway"
      pages={[
        ["/gateway", "Now"],
        ["/gateway/keys", "Keys"],
        ["/gateway/spend", "Spend"],
      ]}
    />
  );
}
