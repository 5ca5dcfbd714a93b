import { readSession } from '../lib/session.ts';
import { remember } from './actions.ts';

declare module '@sess/core' {
  interface SessionData {
    note?: string;
  }
}

/** A Server Action of this demo alone, with JavaScript and without. */
export async function NoteCard() {
  const { note } = await readSession();
  return (
    <section className="card" aria-labelledby="note-title">
      <h2 id="note-title">A Server Action</h2>
      <p>
        Your note: <b id="note-text">{note ?? 'none yet'}</b>
      </p>
      <form className="login" id="note-form" action={remember}>
        <label htmlFor="note">A note for your session</label>
        <div className="field-row">
          <input id="note" name="note" required maxLength={80} autoComplete="off" />
          <button className="button" type="submit">
            Remember
          </button>
        </div>
      </form>
    </section>
  );
}
