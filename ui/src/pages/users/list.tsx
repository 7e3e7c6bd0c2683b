import { GroupList } from "@/parts/group-list";

export default function Users() {
  return <GroupList title="Users" noun="User" of="users" />;
}
