import type { ReactNode } from 'react';

export const metadata = { title: 'Next demo · @sess' };

const styles = ['theme', 'style', 'controls', 'strip'];

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <head>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        {styles.map((name) => (
          <link key={name} rel="stylesheet" href={`/${name}.css`} />
        ))}
      </head>
      <body>{children}</body>
    </html>
  );
}
