'use client';

import { useState } from 'react';

export function Cart({ items }: { items: readonly { readonly item: string }[] }) {
  const [all, setAll] = useState(items);
  return (
    <button id="cart" onClick={() => setAll([...all, { item: 'more' }])}>
      {all.map(({ item }) => item).join(', ')}
    </button>
  );
}
