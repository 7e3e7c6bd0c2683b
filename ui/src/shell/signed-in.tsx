import { useCaller } from "@/api/caller";
import { key } from "@/api/client";
import { visible } from "@/kit/visible";
import { Button } from "@/parts/button";

/** Whose key is in use, what it gives, and the way out. */
export function SignedIn() {
  const caller = useCaller();
  return (
    <div className="signed-in" role="group" aria-label="The key in use">
      {caller && (
        <>
          <span className="cut" title={visible(caller.name)}>
            Key <bdi>{visible(caller.name)}</bdi>
          </span>
          <span className="soft cut" title={caller.permissions.join(" ")}>
            {given(caller.permissions)}
          </span>
          <span className="soft cut" title={caller.project}>
            in project {caller.project}
          </span>
        </>
      )}
      <Button onClick={signOut}>Sign out</Button>
    </div>
  );
}

/** Forget the key and all that it showed; the page asks for another. */
export function signOut(): void {
  key.set(null);
  location.reload();
}

function given(permissions: readonly string[]): string {
  if (permissions.includes("*")) return permissions.length > 1 ? "everything" : "all of a project";
  const [only] = permissions;
  return permissions.length === 1 && only ? only : `${permissions.length} permissions`;
}
