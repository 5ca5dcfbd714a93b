import { Control } from './client.tsx';

export default function Page() {
  return <Control />;
}
