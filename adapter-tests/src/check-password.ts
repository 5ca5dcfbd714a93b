interface User {
  id: string;
}

/** For passport-local: everybody's password is `right`. */
export function checkPassword(
  username: string,
  password: string,
  done: (error: unknown, user: User | false, options: { message: string }) => void,
): void {
  // Off the stack, as with any database: nobody catches what is thrown from here.
  setImmediate(() => done(null, password === 'right' ? { id: username } : false, { message: 'wrong password' }));
}
