/** It reads no session, so it is made once, at the build, and whoever asks for it gets the same. */
export default function Page() {
  return (
    <main className="frame">
      <section className="card">
        <h1>The same for everybody</h1>
        <p>This page was made when the demo was built. It reads no session, so it may be cached.</p>
      </section>
    </main>
  );
}
