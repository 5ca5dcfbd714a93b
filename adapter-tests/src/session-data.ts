declare module '@sess/core' {
  interface SessionData {
    cart?: string[];
    theme?: string;
    views?: number;
  }
}

export {};
