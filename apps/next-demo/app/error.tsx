'use client';

/** A store that is away is not a visitor who is logged out: the page says so, with status 500. */
export default function ErrorPage({ error }: { error: Error & { digest?: string } }) {
  const isStore = error.digest?.startsWith('STORE_') === true;
  return (
    <main className="frame problem-page">
      <section className="card">
        <p className="eyebrow">500 {error.digest}</p>
        <h1>{isStore ? 'The session store does not answer' : 'That did not work'}</h1>
        <p>
          {isStore
            ? 'You have not been logged out: nobody could look. When the store is back, so are you.'
            : 'Something broke on our side. The log of the server says what.'}
        </p>
        <p>
          {/* A plain link: the whole page is asked for again. */}
          <a className="button" href="/">
            Back to the demo
          </a>
        </p>
      </section>
    </main>
  );
}
