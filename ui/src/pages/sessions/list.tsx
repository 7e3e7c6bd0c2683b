import { GroupList } from "@/parts/group-list";

export default function Sessions() {
  return <GroupList title="Sessions" noun="Session" of="sessions" />;
}
