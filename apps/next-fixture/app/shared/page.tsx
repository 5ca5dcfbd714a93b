import { keepShared } from './actions.ts';

/** The form alone: a page that asks for the value may be refused as a whole. */
export default function Page() {
  return (
    <form action={keepShared} id="keep">
      <button>Keep</button>
    </form>
  );
}
