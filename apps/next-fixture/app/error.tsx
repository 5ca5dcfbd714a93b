'use client';

export default function ErrorPage({ error }: { error: Error & { digest?: string } }) {
  return <p id="error">{error.digest}</p>;
}
