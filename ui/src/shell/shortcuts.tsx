import { pressable } from "@/kit/keys";
import { Dialog } from "@/parts/dialog";

export function Shortcuts({ onClose }: { onClose: () => void }) {
  const shown = new Map(pressable(false).map((one) => [one.keys, one.does]));
  return (
    <Dialog title="Shortcuts" onClose={onClose}>
      <dl className="shortcuts">
        {[...shown].map(([keys, does]) => (
          <div className="spread" key={keys}>
            <dt>{does}</dt>
            <dd>
              <kbd>{keys.replace("ctrl+", "Ctrl ")}</kbd>
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
