import { useParam } from "@/kit/state";
import { Sections } from "@/parts/sections";

export function GuardSections() {
  return (
    <Sections
      label="Guards"
      pages={[
        ["/guards", "Report"],
        ["/guards/events", "Events"],
        ["/guards/reviews", "Reviews"],
        ["/guards/policies", "Policies"],
        ["/guards/scan", "Scan"],
      ]}
    />
  );
}

const PERIODS: readonly (readonly [string, string])[] = [
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
];

/** How far back, in the address. */
export function useSince(): [string, (since: string) => void] {
  return useParam("since", "7d");
}

export function Since({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <select
      className="input"
      style={{ width: "auto" }}
      aria-label="Period"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      {!PERIODS.some(([since]) => since === value) && <option value={value}>{value}</option>}
      {PERIODS.map(([since, name]) => (
        <option key={since} value={since}>
          {name}
        </option>
      ))}
    </select>
  );
}
