import { useEarlyKeys } from "@/kit/keys";
import { Frame } from "@/parts/frame";

/** What stands in for a page that is not drawn yet: its title, so that going to it answers at once.
 *
 * Hidden from readers, who are told of the page itself.
 */
export function Coming({ title }: { title: string }) {
  useEarlyKeys();
  return (
    <div className="coming" aria-hidden="true">
      <Frame title={title}>{null}</Frame>
    </div>
  );
}
