import { Component, type ReactNode } from "react";
import { Stale } from "@/parts/coded";
import { Failure } from "@/parts/failure";

interface Props {
  /** Where the reader is: at another place nothing has failed yet. */
  at: string;
  children: ReactNode;
}

/** A page that breaks says so and can be tried again; the others go on. */
export class Boundary extends Component<Props, { at: string; error: Error | null }> {
  override state = { at: this.props.at, error: null as Error | null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  static getDerivedStateFromProps({ at }: Props, state: { at: string }) {
    return at === state.at ? null : { at, error: null };
  }
  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    const again = () =>
      error instanceof Stale ? location.reload() : this.setState({ error: null });
    return <Failure error={error} again={again} />;
  }
}
